package journey

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"comanda/tests/client"
	"comanda/tests/system"
)

// Every part of the system is killed (kill -9) while customers order, one after the other in a random sequence, and
// started again. Every order that was taken is decided, nothing is sold twice, and the books agree.
func TestNoOrderIsLost(t *testing.T) {
	t.Parallel()
	s := system.Start(t, system.Options{Replicas: map[string]int{"order": 2, "product": 2}})
	w := arrive(t, s)
	ana, dish := w.customer(), w.dish(100_000, 700)
	seed := uint64(time.Now().UnixNano())
	t.Logf("the sequence of kills has the seed %d", seed)

	orders := order(t, ana, dish, 4)
	defer orders.stop()
	orders.more(20)
	victims := victims(s)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(victims), func(i, j int) { victims[i], victims[j] = victims[j], victims[i] })
	for _, victim := range victims {
		begun := time.Now()
		breakdown(t, victim.kill)
		repair(t, victim.start)
		orders.more(20)
		t.Logf("%-16s killed, and 20 more orders taken after %v", victim.name, time.Since(begun).Round(time.Millisecond))
	}
	taken := orders.stop()

	eventuallyWithin(t, back, "all is ready again", func(ctx context.Context) error {
		return errors.Join(s.Revive(), s.Ready(ctx))
	})
	begun := time.Now()
	for _, id := range taken {
		eventuallyWithin(t, back, "order "+id+" is decided", func(ctx context.Context) error {
			now, err := ana.GetOrder(ctx, id, 10*time.Second)
			if err == nil && now.Status != client.Confirmed {
				err = fmt.Errorf("it is %s (%s)", now.Status, now.Reason)
			}
			return err
		})
	}
	t.Logf("%d orders were taken; the last was confirmed %v after all was ready", len(taken), time.Since(begun).Round(time.Millisecond))
	wantBooks(t, s)
}

// victim is a part that can be killed and started again.
type victim struct {
	name        string
	kill, start func(context.Context) error
}

func victims(s *system.System) []victim {
	all := []victim{{"postgres", s.Postgres.Kill, s.Postgres.Start}, {"kafka", s.Kafka.Kill, s.Kafka.Start}}
	for _, program := range s.Programs() {
		all = append(all, victim{program.Name,
			func(context.Context) error { program.Kill(); return nil },
			func(context.Context) error { return s.Revive() },
		})
	}
	return all
}

// ordering is customers who order as fast as they are answered, and try again with the same key when they are not.
type ordering struct {
	t     testing.TB
	end   context.CancelFunc
	all   sync.WaitGroup
	mu    sync.Mutex
	taken []string
	tell  chan struct{}
}

func order(t testing.TB, by user, dish client.Product, customers int) *ordering {
	ctx, end := context.WithCancel(t.Context())
	o := &ordering{t: t, end: end, tell: make(chan struct{}, 1)}
	for range customers {
		o.all.Go(func() {
			for ctx.Err() == nil {
				o.place(ctx, by, dish)
			}
		})
	}
	return o
}

// place orders one portion under one key until the order is taken. What is no 503 and no broken connection is a mistake.
func (o *ordering) place(ctx context.Context, by user, dish client.Product) {
	key := uuid.NewString()
	for ctx.Err() == nil {
		placed, err := by.OrderOnce(ctx, key, basket(dish, 1))
		if err == nil {
			o.mu.Lock()
			o.taken = append(o.taken, placed.ID)
			o.mu.Unlock()
			select {
			case o.tell <- struct{}{}:
			default:
			}
			return
		}
		if refusal := client.Refused(err); refusal != nil && refusal.Status != 503 && ctx.Err() == nil {
			o.t.Errorf("an order was refused: %v", err)
			return
		}
		select { // as Retry-After asks, only sooner
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (o *ordering) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.taken)
}

// more waits until n more orders were taken.
func (o *ordering) more(n int) {
	o.t.Helper()
	late := time.After(back)
	for want := o.count() + n; o.count() < want; {
		select {
		case <-o.tell:
		case <-late:
			o.t.Fatalf("no orders are taken any more: %d of %d within %v", o.count(), want, back)
		}
	}
}

// stop ends the ordering and returns the orders that were taken.
func (o *ordering) stop() []string {
	o.end()
	o.all.Wait()
	return o.taken
}

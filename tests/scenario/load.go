package scenario

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"comanda/tests/client"
)

// Load is a group of customers who place orders until Stop. They retry a request that gets no response with the same
// idempotency key.
type Load struct {
	t         testing.TB
	cancel    context.CancelFunc
	customers sync.WaitGroup
	mu        sync.Mutex
	accepted  []string
	progress  chan struct{} // signals an accepted order
}

// StartLoad starts customers who share one account. Each orders one portion of a dish, pauses, and repeats this until Stop.
func StartLoad(t testing.TB, by User, dish client.Product, customers int, pause time.Duration) *Load {
	ctx, cancel := context.WithCancel(t.Context())
	l := &Load{t: t, cancel: cancel, progress: make(chan struct{}, 1)}
	for range customers {
		l.customers.Go(func() {
			for ctx.Err() == nil {
				l.place(ctx, by, dish)
				select {
				case <-ctx.Done():
				case <-time.After(pause):
				}
			}
		})
	}
	return l
}

// place orders one portion under one key until the order is accepted. It retries after a 503 or a broken connection. Every other
// refusal fails the test.
func (l *Load) place(ctx context.Context, by User, dish client.Product) {
	key := uuid.NewString()
	for ctx.Err() == nil {
		placed, err := by.OrderOnce(ctx, key, Basket(dish, 1))
		if err == nil {
			l.mu.Lock()
			l.accepted = append(l.accepted, placed.ID)
			l.mu.Unlock()
			select {
			case l.progress <- struct{}{}:
			default:
			}
			return
		}
		if refusal := client.Refused(err); refusal != nil && refusal.Status != 503 && ctx.Err() == nil {
			l.t.Errorf("placing an order: got %v, want it accepted", err)
			return
		}
		select { // a shorter pause than Retry-After
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (l *Load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.accepted)
}

// AwaitMore waits until n more orders are accepted.
func (l *Load) AwaitMore(n int) {
	l.t.Helper()
	late := time.After(OutageTimeout)
	for want := l.count() + n; l.count() < want; {
		select {
		case <-l.progress:
		case <-late:
			l.t.Fatalf("got %d accepted orders within %v, want %d", l.count(), OutageTimeout, want)
		}
	}
}

// Stop stops the customers and returns the ids of the accepted orders.
func (l *Load) Stop() []string {
	l.cancel()
	l.customers.Wait()
	return l.accepted
}

// WantConfirmed waits until the customer has no PENDING order and then checks that each of these orders is CONFIRMED. It
// reads lists, because requesting thousands of orders one by one takes longer than the system takes to decide them.
func WantConfirmed(t testing.TB, by User, orders []string) {
	t.Helper()
	waiting := ""
	defer func() {
		if t.Failed() && waiting != "" {
			t.Log(Story(t, by.Client, waiting))
		}
	}()
	EventuallyWithin(t, OutageTimeout, "every order is decided", func(ctx context.Context) error {
		pending, err := by.Orders(ctx, client.Pending, client.Page{Limit: 1})
		if err == nil && len(pending.Items) > 0 {
			waiting = pending.Items[0].ID
			err = fmt.Errorf("order %s has been %s since %v", waiting, client.Pending, pending.Items[0].CreatedAt)
		}
		return err
	})
	confirmed := map[string]bool{}
	for page := (client.Page{Limit: 100}); ; {
		list := Try(by.Orders(t.Context(), client.Confirmed, page)).OrFail(t)
		for _, order := range list.Items {
			confirmed[order.ID] = true
		}
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			break
		}
	}
	for _, id := range orders {
		if !confirmed[id] {
			t.Errorf("order %s is not %s: %s", id, client.Confirmed, Story(t, by.Client, id))
		}
	}
}

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

// Load is customers who order again and again, and try again with the same key when they are not answered.
type Load struct {
	t     testing.TB
	end   context.CancelFunc
	all   sync.WaitGroup
	mu    sync.Mutex
	taken []string
	tell  chan struct{}
}

// StartLoad lets so many customers order one portion of a dish at a time, under one account, until Stop. Each pauses after an
// order.
func StartLoad(t testing.TB, by User, dish client.Product, customers int, pause time.Duration) *Load {
	ctx, end := context.WithCancel(t.Context())
	o := &Load{t: t, end: end, tell: make(chan struct{}, 1)}
	for range customers {
		o.all.Go(func() {
			for ctx.Err() == nil {
				o.place(ctx, by, dish)
				select {
				case <-ctx.Done():
				case <-time.After(pause):
				}
			}
		})
	}
	return o
}

// place orders one portion under one key until the order is taken. What is no 503 and no broken connection is a mistake.
func (o *Load) place(ctx context.Context, by User, dish client.Product) {
	key := uuid.NewString()
	for ctx.Err() == nil {
		placed, err := by.OrderOnce(ctx, key, Basket(dish, 1))
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

func (o *Load) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.taken)
}

// AwaitMore waits until n more orders were taken.
func (o *Load) AwaitMore(n int) {
	o.t.Helper()
	late := time.After(OutageTimeout)
	for want := o.count() + n; o.count() < want; {
		select {
		case <-o.tell:
		case <-late:
			o.t.Fatalf("no orders are taken any more: %d of %d within %v", o.count(), want, OutageTimeout)
		}
	}
}

// Stop ends the ordering and returns the ids of the orders that were taken.
func (o *Load) Stop() []string {
	o.end()
	o.all.Wait()
	return o.taken
}

// WantConfirmed waits until the customer has no pending order, and then wants each of these orders to be confirmed. It
// reads lists: to get every order by itself would take longer than the system takes to decide thousands of them.
func WantConfirmed(t testing.TB, by User, orders []string) {
	t.Helper()
	EventuallyWithin(t, OutageTimeout, "every order is decided", func(ctx context.Context) error {
		pending, err := by.Orders(ctx, client.Pending, client.Page{Limit: 1})
		if err == nil && len(pending.Items) > 0 {
			err = fmt.Errorf("order %s is %s since %v", pending.Items[0].ID, client.Pending, pending.Items[0].CreatedAt)
		}
		return err
	})
	confirmed := map[string]bool{}
	for page := (client.Page{Limit: 100}); ; {
		list := Must(by.Orders(t.Context(), client.Confirmed, page))(t)
		for _, order := range list.Items {
			confirmed[order.ID] = true
		}
		if page.Cursor = list.NextCursor; page.Cursor == "" {
			break
		}
	}
	for _, id := range orders {
		if !confirmed[id] {
			t.Errorf("order %s is not confirmed", id)
		}
	}
}

//go:build compose

package compose

import (
	"context"
	"sync"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// traffic is ordinary traffic at a low rate: registrations, logins, menu reads, orders, cancellations and live streams. It
// includes registrations, logins and orders that the system must refuse.
type traffic struct {
	t      testing.TB
	cancel context.CancelFunc
	loops  sync.WaitGroup
}

// startTraffic starts ordinary traffic.
func (sys *stack) startTraffic(t testing.TB) *traffic {
	t.Helper()
	s := sys.scenario(t)
	ana, cook := s.Customer(), s.Staff()
	dish, scarce := s.Dish(1_000_000, 700), s.Dish(1, 700)
	ctx, cancel := context.WithCancel(t.Context())
	tr := &traffic{t: t, cancel: cancel}
	tr.repeat(ctx, 250*time.Millisecond, "an order until DELIVERED", func(ctx context.Context) error {
		return tr.orderUntilDelivered(ctx, ana, cook, dish)
	})
	tr.repeat(ctx, time.Second, "an order that exceeds the stock", func(ctx context.Context) error {
		placed, err := ana.Order(ctx, scenario.Basket(scarce, 99))
		if err == nil {
			_, err = ana.GetOrder(ctx, placed.ID, scenario.SagaTimeout)
		}
		return err
	})
	tr.repeat(ctx, time.Second, "a cancelled order", func(ctx context.Context) error {
		placed, err := ana.Order(ctx, scenario.Basket(dish, 1))
		if err == nil {
			_, err = ana.Cancel(ctx, placed.ID, "going out after all")
		}
		return err
	})
	tr.repeat(ctx, 2*time.Second, "a registration, and one with a verified phone", func(ctx context.Context) error {
		one, other := scenario.NewPerson(), scenario.NewPerson()
		other.Phone = one.Phone
		for i, person := range []client.Person{one, other} {
			begun, err := s.Anonymous.Register(ctx, person)
			if err == nil {
				_, err = s.Anonymous.Registration(ctx, begun.UserID, scenario.SagaTimeout)
			}
			if err == nil && i == 0 {
				err = s.Admin.VerifyPhone(ctx, begun.UserID, one.Phone)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	tr.repeat(ctx, 2*time.Second, "a login, and one with a wrong password", func(ctx context.Context) error {
		if _, err := s.Anonymous.Login(ctx, ana.Person.Email, "wrong password"); client.Status(err) != 401 {
			return errorOr(err, "a wrong password is accepted")
		}
		_, err := s.Anonymous.Login(ctx, ana.Person.Email, ana.Person.Password)
		return err
	})
	tr.repeat(ctx, time.Second, "menu, profile and orders", func(ctx context.Context) error {
		_, err := ana.Menu(ctx, client.Search{})
		if err == nil {
			_, err = ana.Me(ctx)
		}
		if err == nil {
			_, err = ana.Orders(ctx, "", client.Page{})
		}
		return err
	})
	return tr
}

// repeat repeats an action until the traffic stops. Any error fails the test.
func (tr *traffic) repeat(ctx context.Context, pause time.Duration, name string, do func(context.Context) error) {
	tr.loops.Go(func() {
		for ctx.Err() == nil {
			if err := do(ctx); err != nil && ctx.Err() == nil {
				tr.t.Errorf("%s: %v", name, err)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	})
}

// stop stops the traffic and waits for its last requests.
func (tr *traffic) stop() {
	tr.cancel()
	tr.loops.Wait()
}

// orderUntilDelivered places one order, watches it live, and moves it from CONFIRMED to DELIVERED.
func (tr *traffic) orderUntilDelivered(ctx context.Context, ana, cook scenario.User, dish client.Product) error {
	placed, err := ana.Order(ctx, scenario.Basket(dish, 1))
	if err != nil {
		return err
	}
	steps := []string{client.Preparing, client.Ready, client.OutForDelivery, client.Delivered}
	for change, err := range ana.Watch(ctx, placed.ID, "") {
		if err != nil {
			return err
		}
		if change.Status == client.Pending {
			continue
		}
		if len(steps) == 0 {
			break
		}
		if _, err := cook.Advance(ctx, placed.ID, steps[0]); err != nil {
			return err
		}
		steps = steps[1:]
	}
	return ctx.Err()
}

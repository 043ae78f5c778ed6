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

// day is an ordinary day in town: people register, some in vain, log in, some with a wrong password, read the menu, order,
// some more than there is, change their minds, and watch; the kitchen works. Slowly: it is no measurement.
type day struct {
	t    testing.TB
	stop context.CancelFunc
	all  sync.WaitGroup
}

// bustle begins a day.
func (s *stack) bustle(t testing.TB) *day {
	t.Helper()
	w := s.scenario(t)
	ana, cook := w.Customer(), w.Staff()
	dish, scarce := w.Dish(1_000_000, 700), w.Dish(1, 700)
	ctx, stop := context.WithCancel(t.Context())
	d := &day{t: t, stop: stop}
	d.every(ctx, 250*time.Millisecond, "an order goes to the door", func(ctx context.Context) error {
		return d.dinner(ctx, ana, cook, dish)
	})
	d.every(ctx, time.Second, "an order of too much", func(ctx context.Context) error {
		placed, err := ana.Order(ctx, scenario.Basket(scarce, 99))
		if err == nil {
			_, err = ana.GetOrder(ctx, placed.ID, scenario.SagaTimeout)
		}
		return err
	})
	d.every(ctx, time.Second, "a change of mind", func(ctx context.Context) error {
		placed, err := ana.Order(ctx, scenario.Basket(dish, 1))
		if err == nil {
			_, err = ana.Cancel(ctx, placed.ID, "going out after all")
		}
		return err
	})
	d.every(ctx, 2*time.Second, "a registration, and one in vain", func(ctx context.Context) error {
		one, other := scenario.NewPerson(), scenario.NewPerson()
		other.Phone = one.Phone
		for _, person := range []client.Person{one, other} {
			begun, err := w.Anonymous.Register(ctx, person)
			if err == nil {
				_, err = w.Anonymous.Registration(ctx, begun.UserID, scenario.SagaTimeout)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	d.every(ctx, 2*time.Second, "a log-in, and one with a wrong password", func(ctx context.Context) error {
		if _, err := w.Anonymous.Login(ctx, ana.Person.Email, "wrong password"); client.Status(err) != 401 {
			return err
		}
		_, err := w.Anonymous.Login(ctx, ana.Person.Email, ana.Person.Password)
		return err
	})
	d.every(ctx, time.Second, "a look around", func(ctx context.Context) error {
		_, err := ana.Menu(ctx, client.Search{})
		if err == nil {
			_, err = ana.Me(ctx)
		}
		if err == nil {
			_, err = ana.Orders(ctx, "", client.Page{})
		}
		return err
	})
	return d
}

// every does something again and again until the day ends. Whatever fails is a mistake.
func (d *day) every(ctx context.Context, pause time.Duration, what string, do func(context.Context) error) {
	d.all.Go(func() {
		for ctx.Err() == nil {
			if err := do(ctx); err != nil && ctx.Err() == nil {
				d.t.Errorf("%s: %v", what, err)
				return
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	})
}

// end ends the day, and waits until everybody is home.
func (d *day) end() {
	d.stop()
	d.all.Wait()
}

// dinner is one order from PENDING to DELIVERED, watched live.
func (d *day) dinner(ctx context.Context, ana, cook scenario.User, dish client.Product) error {
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

package journey

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// While the broker is away, orders and registrations are taken; when it is back, they are decided.
func TestKafkaDown(t *testing.T) {
	t.Parallel()
	s := system.Start(t, system.Options{})
	w := arrive(t, s)
	ctx, ana, dish := t.Context(), w.Customer(), w.Dish(50, 700)
	early := w.PlaceConfirmed(ana, scenario.Basket(dish, 1))

	breakdown(t, s.Kafka.Kill)
	var orders []client.Order
	for range 10 {
		begun := time.Now()
		orders = append(orders, scenario.Must(ana.Order(ctx, scenario.Basket(dish, 2)))(t))
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("an order took %v while Kafka was away", took)
		}
	}
	person := scenario.NewPerson()
	begun := scenario.Must(w.Anonymous.Register(ctx, person))(t)
	scenario.Must(ana.Cancel(ctx, early.ID, ""))(t)
	scenario.Must(ana.Cancel(ctx, orders[0].ID, ""))(t)
	if still := scenario.Must(ana.GetOrder(ctx, orders[1].ID, 0))(t); still.Status != client.Pending {
		t.Errorf("without a broker the order became %s", still.Status)
	}

	repair(t, s.Kafka.Start)
	for _, order := range orders[1:] {
		scenario.EventuallyWithin(t, scenario.OutageTimeout, "an order from the outage is confirmed", func(ctx context.Context) error {
			now, err := ana.GetOrder(ctx, order.ID, 0)
			if err == nil && now.Status != client.Confirmed {
				err = fmt.Errorf("order %s is %s", order.ID, now.Status)
			}
			return err
		})
	}
	if got := scenario.Must(w.Anonymous.Registration(ctx, begun.UserID, scenario.SagaTimeout))(t); got.Status != client.AccountActive {
		t.Errorf("the registration from the outage is %+v", got)
	}
	w.WantStock(dish, 50-9*2, 9*2, 0)
	wantInvariants(t, s)
}

// While Postgres is away every request is answered in time, with when to come back; afterwards all goes on by itself.
func TestPostgresDown(t *testing.T) {
	t.Parallel()
	s := system.Start(t, system.Options{})
	w := arrive(t, s)
	ana, dish := w.Customer(), w.Dish(50, 700)
	before := scenario.Must(ana.Order(t.Context(), scenario.Basket(dish, 2)))(t)

	breakdown(t, s.Postgres.Kill)
	unavailable := func() {
		t.Helper()
		answers := together(5, func(i int) (client.Answer, error) {
			begun := time.Now()
			answer, err := ana.Do(t.Context(), []client.Request{
				{Method: http.MethodPost, Path: "/orders", Body: scenario.Basket(dish, 1)},
				{Method: http.MethodGet, Path: "/orders/" + before.ID},
				{Method: http.MethodGet, Path: "/products"},
				{Method: http.MethodGet, Path: "/users/me"},
				{Method: http.MethodPost, Path: "/auth/login", Body: map[string]string{"email": ana.Person.Email, "password": ana.Person.Password}},
			}[i])
			if took := time.Since(begun); took > 12*time.Second {
				t.Errorf("request %d was answered after %v", i, took)
			}
			return answer, err
		})(t)
		for i, answer := range answers {
			if answer.Status != http.StatusServiceUnavailable {
				t.Errorf("request %d is answered %d: %s", i, answer.Status, answer.Body)
				continue
			}
			wantProblem(t, answer.Problem(), http.StatusServiceUnavailable)
			if after, err := strconv.Atoi(answer.Header.Get("Retry-After")); err != nil || after < 1 {
				t.Errorf("request %d: Retry-After is %q", i, answer.Header.Get("Retry-After"))
			}
		}
	}
	unavailable() // at once
	scenario.EventuallyWithin(t, scenario.OutageTimeout, "the gateway says what is not ready", func(ctx context.Context) error {
		if s.Ready(ctx) == nil {
			return fmt.Errorf("it says that all is ready")
		}
		return nil
	})
	unavailable() // and when the sidecars know that their services cannot work

	repair(t, s.Postgres.Start)
	recovered(t, s)
	w.WantStatus(ana, before.ID, client.Confirmed)
	w.PlaceConfirmed(ana, scenario.Basket(dish, 1))
	w.Customer()
	w.WantStock(dish, 47, 3, 0)
	wantInvariants(t, s)
}

// recovered waits until all is ready again by itself: nothing is started here.
func recovered(t testing.TB, s *system.System) {
	t.Helper()
	for _, program := range s.Programs() {
		if !program.Running() {
			t.Errorf("%s did not outlive the outage", program.Name)
		}
	}
	scenario.EventuallyWithin(t, scenario.OutageTimeout, "all is ready again", s.Ready)
}

func breakdown(t testing.TB, kill func(context.Context) error) {
	t.Helper()
	if err := kill(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func repair(t testing.TB, start func(context.Context) error) {
	t.Helper()
	if err := start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

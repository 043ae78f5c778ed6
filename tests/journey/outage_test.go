package journey

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// Without the broker, the system accepts orders and registrations. It decides them when the broker is back.
func TestOrdersFromAKafkaOutageAreDecided(t *testing.T) {
	t.Parallel()
	sys := system.Start(t, system.Options{})
	s := newScenario(t, sys)
	ctx, ana, dish := t.Context(), s.Customer(), s.Dish(50, 700)
	early := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))

	mustRun(t, sys.Kafka.Kill)
	var orders []client.Order
	for range 10 {
		begun := time.Now()
		orders = append(orders, scenario.Try(ana.Order(ctx, scenario.Basket(dish, 2))).OrFail(t))
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("an order took %v while Kafka was down, want at most 3s", took)
		}
	}
	person := scenario.NewPerson()
	begun := scenario.Try(s.Anonymous.Register(ctx, person)).OrFail(t)
	scenario.Try(ana.Cancel(ctx, early.ID, "")).OrFail(t)
	scenario.Try(ana.Cancel(ctx, orders[0].ID, "")).OrFail(t)
	if still := scenario.Try(ana.GetOrder(ctx, orders[1].ID, 0)).OrFail(t); still.Status != client.Pending {
		t.Errorf("the order without a broker: got %s, want PENDING", still.Status)
	}

	mustRun(t, sys.Kafka.Start)
	for _, order := range orders[1:] {
		const confirmed = "an order from the outage is confirmed"
		scenario.EventuallyWithin(t, scenario.OutageTimeout, confirmed, func(ctx context.Context) error {
			now, err := ana.GetOrder(ctx, order.ID, 0)
			if err == nil && now.Status != client.Confirmed {
				err = fmt.Errorf("order %s is %s", order.ID, now.Status)
			}
			return err
		})
	}
	got := scenario.Try(s.Anonymous.Registration(ctx, begun.UserID, scenario.SagaTimeout)).OrFail(t)
	if got.Status != client.AccountActive {
		t.Errorf("the registration from the outage: got %+v, want ACTIVE", got)
	}
	s.WantStock(dish, 50-9*2, 9*2, 0)
	wantInvariants(t, sys)
}

// Without Postgres, every request gets a 503 with Retry-After within 12 s. When Postgres is back, the system recovers by
// itself.
func TestSystemRecoversFromAPostgresOutage(t *testing.T) {
	t.Parallel()
	sys := system.Start(t, system.Options{})
	s := newScenario(t, sys)
	ana, dish := s.Customer(), s.Dish(50, 700)
	before := scenario.Try(ana.Order(t.Context(), scenario.Basket(dish, 2))).OrFail(t)

	mustRun(t, sys.Postgres.Kill)
	wantUnavailable := func() {
		t.Helper()
		answers := scenario.Try(concurrently(5, func(i int) (client.Response, error) {
			begun := time.Now()
			answer, err := ana.Do(t.Context(), []client.Request{
				{Method: http.MethodPost, Path: "/orders", Body: scenario.Basket(dish, 1)},
				{Method: http.MethodGet, Path: "/orders/" + before.ID},
				{Method: http.MethodGet, Path: "/products"},
				{Method: http.MethodGet, Path: "/users/me"},
				{Method: http.MethodPost, Path: "/auth/login",
					Body: map[string]string{"email": ana.Person.Email, "password": ana.Person.Password}},
			}[i])
			if took := time.Since(begun); took > 12*time.Second {
				t.Errorf("request %d took %v, want at most 12s", i, took)
			}
			return answer, err
		})).OrFail(t)
		for i, answer := range answers {
			if answer.Status != http.StatusServiceUnavailable {
				t.Errorf("request %d: got %d, want 503: %s", i, answer.Status, answer.Body)
				continue
			}
			wantProblem(t, answer.Problem(), http.StatusServiceUnavailable)
			if after, err := strconv.Atoi(answer.Header.Get("Retry-After")); err != nil || after < 1 {
				t.Errorf("request %d: Retry-After: got %q, want at least 1", i, answer.Header.Get("Retry-After"))
			}
		}
	}
	wantUnavailable() // immediately after the kill
	const notReady = "the gateway reports that the system is not ready"
	scenario.EventuallyWithin(t, scenario.OutageTimeout, notReady, func(ctx context.Context) error {
		if sys.Ready(ctx) == nil {
			return errors.New("the gateway reports that all services are ready")
		}
		return nil
	})
	wantUnavailable() // after the sidecars noticed that their services are unhealthy

	mustRun(t, sys.Postgres.Start)
	awaitRecovery(t, sys)
	s.WantStatus(ana, before.ID, client.Confirmed)
	s.PlaceConfirmed(ana, scenario.Basket(dish, 1))
	s.Customer()
	s.WantStock(dish, 47, 3, 0)
	wantInvariants(t, sys)
}

// awaitRecovery checks that every program survived the outage, and waits until all services are ready. It restarts nothing.
func awaitRecovery(t testing.TB, sys *system.System) {
	t.Helper()
	for _, program := range sys.Programs() {
		if !program.Running() {
			t.Errorf("%s did not survive the outage", program.Name)
		}
	}
	scenario.EventuallyWithin(t, scenario.OutageTimeout, "all services are ready again", sys.Ready)
}

// mustRun runs an operation, such as sys.Kafka.Kill, and fails the test when the operation fails.
func mustRun(t testing.TB, operation func(context.Context) error) {
	t.Helper()
	if err := operation(t.Context()); err != nil {
		t.Fatal(err)
	}
}

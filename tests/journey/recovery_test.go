package journey

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// Recovery gives up orders and registrations that stay PENDING too long, with the reason timed_out. Late reservations are
// released.
func TestRecoveryGivesUpAfterTheDeadline(t *testing.T) {
	t.Parallel()
	sys := system.Start(t, system.Options{Settings: map[string]string{
		"RECOVERY_AFTER": "500ms", "RECOVERY_EVERY": "200ms", "RECOVERY_GIVE_UP": "3s",
	}})
	s := newScenario(t, sys)
	ctx, ana, dish := t.Context(), s.Customer(), s.Dish(10, 700)
	for _, service := range []string{"product", "user"} {
		sys.Pair(service).Service.Kill()
		sys.Pair(service).Sidecar.Kill()
	}
	person := scenario.NewPerson()
	begun := scenario.Try(s.Anonymous.Register(ctx, person)).OrFail(t)
	placed := scenario.Try(ana.Order(ctx, scenario.Basket(dish, 2))).OrFail(t)
	watching := scenario.Watch(t, ana, placed.ID, "")
	watching.Within = scenario.SagaTimeout

	if change := watching.Want(client.Cancelled); change.Reason != "timed_out" {
		t.Errorf("reason in the stream: got %q, want timed_out", change.Reason)
	}
	if got := s.WantStatus(ana, placed.ID, client.Cancelled); got.Reason != "timed_out" {
		t.Errorf("reason of the order: got %q, want timed_out", got.Reason)
	}
	scenario.Eventually(t, "the registration is given up", func(ctx context.Context) error {
		got, err := s.Anonymous.Registration(ctx, begun.UserID, 0)
		if err == nil && (got.Status != client.AccountRejected || got.Reason != "timed_out") {
			err = fmt.Errorf("the registration is %+v", got)
		}
		return err
	})

	gaveUp := map[string]between{
		`comanda_recovery_total{step="given_up"}`: {1, 1}, `comanda_recovery_total{step="announced_again"}`: {1, noLimit},
	}
	wantMetrics(t, sys, "auth", gaveUp)
	wantMetrics(t, sys, "order", gaveUp)
	wantMetrics(t, sys, "order", map[string]between{
		`comanda_orders_total{status="CANCELLED"}`: {1, 1}, `comanda_order_decision_seconds_count{outcome="CANCELLED"}`: {1, 1},
		"comanda_orders_pending": {0, 0}, "comanda_orders_pending_oldest_seconds": {0, 0},
	})

	if err := sys.StartMissing(t.Context()); err != nil {
		t.Fatal(err)
	}
	scenario.EventuallyWithin(t, scenario.OutageTimeout, "all services are ready again", sys.Ready)
	s.WantStock(dish, 10, 0, 0)
	wantInvariants(t, sys)
	// The registration that recovery gave up reserves neither its e-mail nor its phone.
	scenario.Eventually(t, "the same person can register", func(ctx context.Context) error {
		again, err := s.Anonymous.Register(ctx, person)
		if err != nil {
			return err
		}
		got, err := s.Anonymous.Registration(ctx, again.UserID, scenario.SagaTimeout)
		if err == nil && got.Status != client.AccountActive {
			err = fmt.Errorf("the registration is %+v", got)
		}
		return err
	})
}

// Recovery publishes the event of a PENDING order again, and the saga completes when product is back.
func TestRecoveryPublishesPendingOrdersAgain(t *testing.T) {
	t.Parallel()
	sys := system.Start(t, system.Options{Settings: map[string]string{"RECOVERY_AFTER": "500ms", "RECOVERY_EVERY": "200ms"}})
	s := newScenario(t, sys)
	ana, dish := s.Customer(), s.Dish(10, 700)
	sys.Pair("product").Service.Kill()
	placed := scenario.Try(ana.Order(t.Context(), scenario.Basket(dish, 2))).OrFail(t)
	scenario.Eventually(t, "the order's event is published again", func(ctx context.Context) error {
		counts, err := scenario.Query(ctx, sys.DatabaseURL("order"),
			`select doc(value) ->> 'announced' from orders where key = 'order-`+placed.ID+`'`)
		published := 0
		if err == nil && len(counts) == 1 {
			published, err = strconv.Atoi(counts[0])
		}
		if err == nil && published < 3 {
			err = fmt.Errorf("publishes of the event: got %v, want at least 3", counts)
		}
		return err
	})
	wantMetrics(t, sys, "order", map[string]between{
		"comanda_orders_pending": {1, 1}, "comanda_orders_pending_oldest_seconds": {0.5, 600},
	})
	if err := sys.StartMissing(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.WantStatus(ana, placed.ID, client.Confirmed)
	s.WantStock(dish, 8, 2, 0)
	wantMetrics(t, sys, "order", map[string]between{`comanda_recovery_total{step="announced_again"}`: {2, noLimit}})
	wantInvariants(t, sys)
	wantDeadLetter(t, sys)
}

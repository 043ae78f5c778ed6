package journey

import (
	"net/http"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// One customer cannot reserve the whole stock: of 50 orders at the same moment, at two replicas, only those within the limit are
// accepted.
func TestOneCustomerCannotHoldAllStock(t *testing.T) {
	t.Parallel()
	sys := system.Start(t, system.Options{Replicas: map[string]int{"order": 2}, Settings: map[string]string{
		"MAX_OPEN_ORDERS": "5", "MAX_OPEN_UNITS": "12",
	}})
	s := newScenario(t, sys)
	ctx, ana, bea, dish := t.Context(), s.Customer(), s.Customer(), s.Dish(100, 700)
	statuses := scenario.Try(concurrently(50, func(int) (int, error) {
		_, err := ana.Order(ctx, scenario.Basket(dish, 2))
		if refusal := client.Refused(err); refusal != nil {
			return refusal.Status, nil
		}
		return http.StatusCreated, err
	})).OrFail(t)
	if countEqual(statuses, http.StatusCreated) != 5 || countEqual(statuses, http.StatusConflict) != 45 {
		t.Errorf("50 orders at once: got %v, want 5 times 201 and 45 times 409", statuses)
	}
	if problem := refused(ana.Order(ctx, scenario.Basket(dish, 1))).want(t, http.StatusConflict); problem.Type != "/problems/limit-reached" {
		t.Errorf("the sixth order: got %+v, want the type /problems/limit-reached", problem)
	}
	refused(bea.Order(ctx, scenario.Basket(dish, 13))).want(t, http.StatusConflict)
	scenario.Try(bea.Order(ctx, scenario.Basket(dish, 12))).OrFail(t)
	s.WantStock(dish, 78, 22, 0)
	wantInvariants(t, sys)
}

// An order that the kitchen never starts expires. The stream says so, and the stock is returned.
func TestOrderThatIsNeverStartedExpires(t *testing.T) {
	t.Parallel()
	sys := system.Start(t, system.Options{Settings: map[string]string{"NOT_STARTED_AFTER": "1s", "RECOVERY_EVERY": "200ms"}})
	s := newScenario(t, sys)
	ana, dish := s.Customer(), s.Dish(10, 700)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 4))
	watching := scenario.Watch(t, ana, order.ID, "2") // after the confirmation
	watching.Within = scenario.SagaTimeout
	if change := watching.Want(client.Cancelled); change.Reason != "not_started" || change.Version != 3 {
		t.Errorf("got %+v, want version 3 with the reason not_started", change)
	}
	watching.WantEnd()
	s.WantStock(dish, 10, 0, 0)
	wantInvariants(t, sys)
}

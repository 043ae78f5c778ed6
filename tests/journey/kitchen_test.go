package journey

import (
	"net/http"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// kitchenSteps lists the four statuses that staff move an order through.
var kitchenSteps = []string{client.Preparing, client.Ready, client.OutForDelivery, client.Delivered}

// The customer watches an order live from PENDING to DELIVERED. Its reserved stock becomes sold.
func TestLiveStreamShowsEveryStatusUntilDelivered(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana, cook, dish := t.Context(), s.Customer(), s.Staff(), s.Dish(10, 700)

	placed := scenario.Try(ana.Order(ctx, scenario.Basket(dish, 4))).OrFail(t)
	watching := scenario.Watch(t, ana, placed.ID, "")
	watching.Want(client.Confirmed)
	for _, step := range kitchenSteps {
		if got := scenario.Try(cook.Advance(ctx, placed.ID, step)).OrFail(t); got.Status != step {
			t.Fatalf("advance to %s: got %s", step, got.Status)
		}
		watching.Want(step)
	}
	watching.WantEnd()
	if end := scenario.Try(ana.GetOrder(ctx, placed.ID, 0)).OrFail(t); end.Version != 6 || end.Status != client.Delivered {
		t.Errorf("the delivered order: got %+v, want version 6 and DELIVERED", end)
	}
	s.WantStock(dish, 6, 0, 4)
}

// The kitchen cannot skip a step or go back. A repeated step succeeds and changes nothing.
func TestKitchenCannotSkipOrReverseSteps(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana, cook, dish := t.Context(), s.Customer(), s.Staff(), s.Dish(10, 700)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))

	refused(cook.Advance(ctx, order.ID, client.Ready)).want(t, http.StatusConflict)
	refused(cook.Advance(ctx, order.ID, client.Delivered)).want(t, http.StatusConflict)
	for _, status := range []string{client.Pending, client.Confirmed, client.Rejected, client.Cancelled, "EATEN", ""} {
		problem := refused(cook.Advance(ctx, order.ID, status)).want(t, http.StatusUnprocessableEntity)
		if fields := problem.Fields(); len(fields) != 1 || fields[0] != "status" {
			t.Errorf("status %q: invalid fields: got %v, want status", status, fields)
		}
	}
	refused(ana.Advance(ctx, order.ID, client.Preparing)).want(t, http.StatusForbidden)
	refused(cook.Advance(ctx, "00000000-0000-4000-8000-000000000000", client.Preparing)).want(t, http.StatusNotFound)

	first := scenario.Try(cook.Advance(ctx, order.ID, client.Preparing)).OrFail(t)
	again := scenario.Try(cook.Advance(ctx, order.ID, client.Preparing)).OrFail(t)
	if again.Version != first.Version {
		t.Errorf("after the repeated step: got version %d, want %d", again.Version, first.Version)
	}
	scenario.Try(cook.Advance(ctx, order.ID, client.Ready)).OrFail(t)
	refused(cook.Advance(ctx, order.ID, client.Preparing)).want(t, http.StatusConflict)
}

func TestRejectedOrdersCannotChange(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana, cook, dish := s.Customer(), s.Staff(), s.Dish(1, 700)
	placed := scenario.Try(ana.Order(t.Context(), scenario.Basket(dish, 2))).OrFail(t)
	s.WantStatus(ana, placed.ID, client.Rejected)
	refused(cook.Advance(t.Context(), placed.ID, client.Preparing)).want(t, http.StatusConflict)
	refused(ana.Cancel(t.Context(), placed.ID, "")).want(t, http.StatusConflict)
}

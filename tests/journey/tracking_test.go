package journey

import (
	"net/http"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// A client that resumes a broken stream misses no change and gets none twice.
func TestResumedStreamMissesNoChange(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana, cook, dish := t.Context(), s.Customer(), s.Staff(), s.Dish(10, 700)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))

	begun := scenario.Watch(t, ana, order.ID, "")
	confirmed := begun.Want(client.Confirmed)
	for _, step := range kitchenSteps[:3] {
		scenario.Try(cook.Advance(ctx, order.ID, step)).OrFail(t)
	}
	resumed := scenario.Watch(t, ana, order.ID, confirmed.EventID)
	for _, step := range kitchenSteps[:3] {
		resumed.Want(step)
	}
	scenario.Try(cook.Advance(ctx, order.ID, client.Delivered)).OrFail(t)
	resumed.Want(client.Delivered)
	resumed.WantEnd()

	// A stream that resumes after the first change shows all later changes; one that resumes after the last change ends at once.
	all := scenario.Watch(t, ana, order.ID, "1")
	for _, status := range append([]string{client.Confirmed}, kitchenSteps...) {
		all.Want(status)
	}
	all.WantEnd()
	scenario.Watch(t, ana, order.ID, "6").WantEnd()

	// A stream that opens after the end shows the final status.
	late := scenario.Watch(t, ana, order.ID, "")
	late.Want(client.Delivered)
	late.WantEnd()
}

// Every watcher of an order gets every change. Staff may watch any order.
func TestEveryWatcherGetsEveryChange(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana, cook, dish := s.Customer(), s.Staff(), s.Dish(10, 700)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))
	var streams []*scenario.Stream
	for _, watcher := range []scenario.User{ana, ana, cook} {
		streams = append(streams, scenario.Watch(t, watcher, order.ID, ""))
	}
	for _, stream := range streams {
		stream.Want(client.Confirmed)
	}
	scenario.Try(ana.Cancel(t.Context(), order.ID, "changed my mind")).OrFail(t)
	for _, stream := range streams {
		if change := stream.Want(client.Cancelled); change.Reason != "customer" {
			t.Errorf("reason: got %q, want the code customer", change.Reason)
		}
		stream.WantEnd()
	}
}

func TestOnlyTheCustomerAndStaffMayWatchAnOrder(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana, bea, dish := s.Customer(), s.Customer(), s.Dish(10, 700)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))
	for caller, status := range map[*client.Client]int{s.Anonymous: http.StatusUnauthorized, bea.Client: http.StatusNotFound} {
		for _, err := range caller.Watch(t.Context(), order.ID, "") {
			wantProblem(t, err, status)
		}
	}
	for _, err := range ana.Watch(t.Context(), order.ID, "nonsense") {
		wantProblem(t, err, http.StatusBadRequest)
	}
}

package journey

import (
	"net/http"
	"testing"

	"comanda/tests/client"
)

// A client whose stream broke takes it up again where it was: it misses nothing, and is told nothing twice.
func TestTrackingResumes(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	ctx, ana, cook, dish := t.Context(), w.customer(), w.staff(), w.dish(10, 700)
	order := w.confirmed(ana, basket(dish, 1))

	begun := watch(t, ana, order.ID, "")
	confirmed := begun.want(client.Confirmed)
	for _, step := range kitchen[:3] {
		must(cook.Advance(ctx, order.ID, step))(t)
	}
	resumed := watch(t, ana, order.ID, confirmed.EventID)
	for _, step := range kitchen[:3] {
		resumed.want(step)
	}
	must(cook.Advance(ctx, order.ID, client.Delivered))(t)
	resumed.want(client.Delivered)
	resumed.wantEnd()

	// From the very first on, all of it; after the last, nothing but the end.
	all := watch(t, ana, order.ID, "1")
	for _, status := range append([]string{client.Confirmed}, kitchen...) {
		all.want(status)
	}
	all.wantEnd()
	watch(t, ana, order.ID, "6").wantEnd()

	// Who comes late hears how it ended.
	late := watch(t, ana, order.ID, "")
	late.want(client.Delivered)
	late.wantEnd()
}

// Several who watch the same order all hear of it; staff may watch any.
func TestSeveralWatch(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	ana, cook, dish := w.customer(), w.staff(), w.dish(10, 700)
	order := w.confirmed(ana, basket(dish, 1))
	streams := []*watching{watch(t, ana, order.ID, ""), watch(t, ana, order.ID, ""), watch(t, cook, order.ID, "")}
	for _, stream := range streams {
		stream.want(client.Confirmed)
	}
	must(ana.Cancel(t.Context(), order.ID, "changed my mind"))(t)
	for _, stream := range streams {
		if change := stream.want(client.Cancelled); change.Reason != "changed my mind" {
			t.Errorf("the reason told is %q", change.Reason)
		}
		stream.wantEnd()
	}
}

func TestTrackingIsPrivate(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	ana, bea, dish := w.customer(), w.customer(), w.dish(10, 700)
	order := w.confirmed(ana, basket(dish, 1))
	for caller, status := range map[*client.Client]int{w.nobody: http.StatusUnauthorized, bea.Client: http.StatusNotFound} {
		for _, err := range caller.Watch(t.Context(), order.ID, "") {
			wantProblem(t, err, status)
		}
	}
	for _, err := range ana.Watch(t.Context(), order.ID, "nonsense") {
		wantProblem(t, err, http.StatusBadRequest)
	}
}

package main

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/event"
	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
)

// reconciler returns the reconciliation with a product service that answers for reservations.
func (h *harness) reconciler(t *testing.T) (reconciler, *servicetest.Standings) {
	product := servicetest.NewStandings(t, "product")
	timing := recovery.ReconciliationTiming{After: 30 * time.Minute, Every: time.Minute, UnknownAfter: 72 * time.Hour}
	s := *h.service
	s.invoker = product.Invoker
	return reconciler{&s, timing, recovery.NewReconciliationCounter(prometheus.NewRegistry())}, product
}

// One of the two databases was restored from an older copy. An order whose reservation is missing is reserved again. An order whose stock
// was released had been cancelled, and is cancelled again.
func TestOrdersAreReconciledWithReservations(t *testing.T) {
	h := newHarness(t)
	r, product := h.reconciler(t)
	place := func(reservation string, steps ...string) string {
		id := h.placeOrder(t, ana)
		h.deliverReserved(t, id)
		for _, step := range steps {
			h.Request(t, cook, "POST", "/orders/"+id+"/status", `{"status":"`+step+`"}`)
		}
		if reservation != "" {
			product.Statuses[id] = reservation
		}
		return id
	}
	ended := servicetest.EndedSpans(t)
	healthy, missing, released := place("RESERVED"), place(""), place("RELEASED", "PREPARING")
	onItsWay := place("RELEASED", "PREPARING", "READY", "OUT_FOR_DELIVERY")
	done := place("", "PREPARING", "READY", "OUT_FOR_DELIVERY", "DELIVERED")
	pending := h.placeOrder(t, ana)
	round := func() (placed []event.OrderPlaced, changed int) {
		t.Helper()
		if err := r.runRound(t.Context()); err != nil {
			t.Fatal(err)
		}
		return servicetest.Events(t, h.sidecar, "orders", event.OrderCreatedPending),
			len(servicetest.Events(t, h.sidecar, "orders", event.OrderStatusChanged))
	}
	before, changes := round()
	if len(product.Asked) != 0 {
		t.Errorf("asked for %d young orders, want none", len(product.Asked))
	}
	h.later(t, 30*time.Minute)
	product.Away = true
	if err := r.runRound(t.Context()); err == nil {
		t.Error("product is away: got no error, want one")
	}
	product.Away = false
	for range 2 { // the second round finds nothing to mend: missing was written just before, so it is young again
		placed, changed := round()
		if len(placed) != len(before)+1 || placed[len(placed)-1].OrderID != missing || changed != changes+1 {
			t.Fatalf("got %d announcements, the last of %s, and %d changes, want one more, of %s, and one change more",
				len(placed)-len(before), placed[len(placed)-1].OrderID, changed-changes, missing)
		}
	}
	for id, want := range map[string]string{healthy: "CONFIRMED", missing: "CONFIRMED", released: "CANCELLED", onItsWay: "OUT_FOR_DELIVERY",
		done: "DELIVERED", pending: "PENDING"} {
		if got := h.Request(t, ana, "GET", "/orders/"+id, ""); got.Text("status") != want {
			t.Errorf("got %s, want %s", got.Body, want)
		}
	}
	if all, failed := ended("reconcile order"); all < 2 || failed != 0 {
		t.Errorf("got %d spans, %d failed: each event needs a trace", all, failed)
	}
	wantSteps(t, h.timeline(t, cook, missing).Steps,
		"placed PENDING request customer "+ana.ID+" 1",
		"confirmed CONFIRMED event product 1",
		"reservation_lost CONFIRMED recovery recovery 1")
	if status := h.deliverReserved(t, missing); status != "SUCCESS" {
		t.Errorf("the outcome of the second reservation: got %s, want SUCCESS", status)
	}
}

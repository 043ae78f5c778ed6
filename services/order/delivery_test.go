package main

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// The steps that can happen to one order, in any sequence: product's outcome, and requests of its customer and of the kitchen.
const (
	outcome = iota
	cancel
	advance
)

// Product's outcome may be delivered several times, late, and between requests of the customer and of the kitchen. Its handler may crash
// between any two steps. Each version of the order is announced with one status, in a legal sequence. The order ends as the outcome says,
// unless it was cancelled.
func TestOutcomesInAnySequenceDecideOnce(t *testing.T) {
	h := newHarness(t)
	servicetest.CheckProperty(t, func(r *rapid.T) {
		id, rejected := h.placeOrder(t, ana), rapid.Bool().Draw(r, "rejected")
		steps := rapid.SliceOfN(rapid.SampledFrom([]int{outcome, outcome, cancel, advance}), 2, 10).Draw(r, "steps")
		steps = append(steps, outcome) // the sidecar delivers the outcome at least once
		cancelled := false
		for n := 0; len(steps) > 0; n++ {
			if n == servicetest.MaxDeliveries {
				r.Fatalf("the outcome is retried without end")
			}
			step := steps[0]
			steps = steps[1:]
			switch step {
			case cancel:
				cancelled = h.Request(t, ana, "POST", "/orders/"+id+"/cancel", "").Code == 200 || cancelled
			case advance:
				h.Request(t, cook, "POST", "/orders/"+id+"/status", `{"status":"PREPARING"}`)
			case outcome:
				if h.deliverOutcome(t, r, id, rejected) {
					steps = append(steps, outcome)
				}
			}
		}
		h.checkHistory(t, r, id, rejected, cancelled)
	})
}

// deliverOutcome delivers product's outcome and reports whether it has to be delivered again.
func (h *harness) deliverOutcome(t *testing.T, r *rapid.T, id string, rejected bool) bool {
	again := h.sidecar.Interrupt(servicetest.Interruptions().Draw(r, "interruption"))
	deliver := h.deliverReserved
	if rejected {
		deliver = h.deliverFailed
	}
	result := deliver(t, id)
	if result != "SUCCESS" && result != "RETRY" {
		r.Fatalf("the outcome: got %s, want SUCCESS or RETRY", result)
	}
	return again(result)
}

// checkHistory checks that the announced changes of the order are a legal sequence, and that its status is the outcome's or a later one.
func (h *harness) checkHistory(t *testing.T, r *rapid.T, id string, rejected, cancelled bool) {
	var announced []string
	for _, e := range servicetest.Events(t, h.sidecar, "orders", event.OrderStatusChanged) {
		if e.OrderID == id {
			announced = append(announced, fmt.Sprintf("%d %s", e.Version, e.Status))
		}
	}
	end := []event.Status{event.StatusConfirmed, event.StatusPreparing}
	switch {
	case cancelled:
		end = []event.Status{event.StatusCancelled}
	case rejected:
		end = []event.Status{event.StatusRejected}
	}
	status := event.Status(h.Request(t, ana, "GET", "/orders/"+id, "").Text("status"))
	legal := slices.Contains([]string{
		"[2 CONFIRMED]", "[2 REJECTED]", "[2 CANCELLED]", "[2 CONFIRMED 3 CANCELLED]", "[2 CONFIRMED 3 PREPARING]",
	}, fmt.Sprint(announced))
	if !legal || !slices.Contains(end, status) {
		r.Fatalf("the order is %s, want one of %v; announced: %v", status, end, announced)
	}
}

package main

import (
	"strings"
	"testing"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// TestNoFreeTextOnTopics checks that the text of the person who cancels stays in the order, and reaches neither an event nor the history
// that the gateway streams.
func TestNoFreeTextOnTopics(t *testing.T) {
	const text = "not_started, says Ana of Calle Mayor 1"
	for by, code := range map[*servicetest.Person]string{&ana: "customer", &cook: "staff"} {
		h := newHarness(t)
		id := h.placeOrder(t, ana)
		h.Request(t, *by, "POST", "/orders/"+id+"/cancel", `{"reason":"`+text+`"}`)
		for _, reader := range []servicetest.Person{ana, cook} {
			if got := h.Request(t, reader, "GET", "/orders/"+id, ""); got.Text("reason") != text || got.Text("reasonCode") != code {
				t.Errorf("got %s, want the text and the code %s", got.Body, code)
			}
		}
		if got := h.Request(t, ana, "GET", "/orders/"+id+"/history", ""); strings.Contains(got.Body, "Ana") ||
			!strings.Contains(got.Body, `"reason":"`+code+`"`) {
			t.Errorf("got %s, want the code %s and no text", got.Body, code)
		}
		changes := servicetest.Events(t, h.sidecar, "orders", event.OrderStatusChanged)
		if len(changes) != 1 || changes[0].Reason != code {
			t.Errorf("got %+v, want one event with the code %s", changes, code)
		}
	}
}

func TestReasonCodesAreAClosedList(t *testing.T) {
	change := func(status event.Status, role, reason string) Change {
		return Change{Status: status, Reason: reason, Actor: Actor{Role: role}}
	}
	for want, changes := range map[string][]Change{
		"customer":             {change("CANCELLED", "customer", ""), change("CANCELLED", "customer", "timed_out")},
		"staff":                {change("CANCELLED", "staff", "burnt")},
		"timed_out":            {change("CANCELLED", "recovery", "timed_out")},
		"not_started":          {change("CANCELLED", "recovery", "not_started")},
		"reservation_released": {change("CANCELLED", "recovery", "reservation_released")},
		"insufficient_stock":   {change("REJECTED", "product", "insufficient_stock")},
		"price_changed":        {change("REJECTED", "product", "price_changed")},
		"mixed_currencies":     {change("REJECTED", "product", "mixed_currencies")},
		"other":                {change("REJECTED", "product", "call Ana"), change("CANCELLED", "recovery", "?")},
		"":                     {change("CONFIRMED", "product", "x"), change("PENDING", "customer", "")},
	} {
		for _, c := range changes {
			if got := c.ReasonCode(); got != want {
				t.Errorf("%+v: got %q, want %q", c, got, want)
			}
		}
	}
}

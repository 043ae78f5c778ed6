package main

import (
	"net/http"
	"strconv"
	"testing"

	"comanda/services/internal/servicetest"
)

// While too many orders are PENDING, new orders are refused with Retry-After; a repeated request is answered. When an order is decided,
// there is room again.
func TestOrdersAreRefusedWhileTooManyArePending(t *testing.T) {
	h := newHarness(t)
	h.service.admission.most = 2
	first := h.Request(t, ana, "POST", "/orders", basket, "Idempotency-Key", "k1")
	h.placeOrder(t, ben)
	refused := h.Request(t, ben, "POST", "/orders", basket)
	if after, _ := strconv.Atoi(refused.Header.Get("Retry-After")); refused.Code != http.StatusServiceUnavailable || after != 5 {
		t.Errorf("the third order: got %d %s, Retry-After %d, want 503 with 5", refused.Code, refused.Body, after)
	}
	h.clock.Advance(countEvery)
	if again := h.Request(t, ben, "POST", "/orders", basket); again.Code != http.StatusServiceUnavailable {
		t.Errorf("the third order, counted: got %d %s, want 503", again.Code, again.Body)
	}
	if repeated := h.Request(t, ana, "POST", "/orders", basket, "Idempotency-Key", "k1"); repeated.Code != http.StatusOK {
		t.Errorf("a repeated request: got %d %s, want 200", repeated.Code, repeated.Body)
	}
	servicetest.WantMetrics(t, h.metrics, "comanda_orders_refused_total 2")
	h.deliverReserved(t, first.Text("id"))
	h.clock.Advance(countEvery)
	h.placeOrder(t, ben)
}

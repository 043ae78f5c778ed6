package main

import (
	"net/http"
	"testing"
	"time"

	"comanda/services/internal/servicetest"
)

// The clock of a service may be stepped, by a day forward or back. Only the database's clock gives orders up, and versions and times of an
// order never go back.
func TestSteppedClockDecidesNothing(t *testing.T) {
	const day = 24 * time.Hour
	h := newHarness(t)
	pending, confirmed := h.placeOrder(t, ana), h.confirmedOrder(t)
	placed, changed := h.countEvents(t)
	h.clock.Advance(day)
	early := h.confirmedOrder(t) // with times of tomorrow
	h.clock.Advance(-2 * day)
	late := h.confirmedOrder(t) // with times of yesterday
	h.clock.Advance(day)
	for _, step := range []time.Duration{day, -2 * day, day} {
		h.clock.Advance(step)
		if err := h.service.recoverOrders(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]string{pending: "PENDING", confirmed: "CONFIRMED", early: "CONFIRMED", late: "CONFIRMED"} {
		if got := h.Request(t, ana, "GET", "/orders/"+id, "").Text("status"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if nowPlaced, nowChanged := h.countEvents(t); nowPlaced != placed+2 || nowChanged != changed+2 {
		t.Errorf("got %d and %d events, want those of two more orders: %d and %d", nowPlaced, nowChanged, placed+2, changed+2)
	}
	h.clock.Advance(-day)
	if got := h.Request(t, cook, "POST", "/orders/"+early+"/status", `{"status":"PREPARING"}`); got.Code != http.StatusOK {
		t.Errorf("the kitchen, with a clock of the day before: got %d %s, want 200", got.Code, got.Body)
	}
	order, err := h.service.orders.Get(t.Context(), early)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i < len(order.History); i++ {
		if before, now := order.History[i-1], order.History[i]; now.Version != before.Version+1 || now.At.Before(before.At) {
			t.Errorf("got %+v after %+v, want the next version, not earlier", now, before)
		}
	}
}

// A clock that is stepped back by a day stops neither the count of the PENDING orders nor the lookups of the menu for that day.
func TestSteppedClockDoesNotStopTheCount(t *testing.T) {
	h := newHarness(t)
	h.service.admission.most = 1
	first := h.placeOrder(t, ana)
	h.deliverReserved(t, first)
	h.clock.Advance(-24 * time.Hour)
	h.placeOrder(t, ana)
	asked := len(h.product.calls)
	h.clock.Advance(-time.Hour)
	if got := h.Request(t, ana, "POST", "/orders", basket); got.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d, want 503: one order is PENDING", got.Code)
	}
	if len(h.product.calls) == asked {
		t.Error("the menu was not asked again although its cache is from another time")
	}
	servicetest.WantMetrics(t, h.metrics, "comanda_orders_refused_total 1")
}

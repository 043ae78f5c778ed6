package main

import (
	"net/http"
	"testing"
	"time"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

func (h *harness) confirmedOrder(t *testing.T) string {
	t.Helper()
	id := h.placeOrder(t, ana)
	h.deliverReserved(t, id)
	return id
}

// expire runs a round of the recovery when the orders confirmed so far are due to expire.
func (h *harness) expire(t *testing.T) {
	t.Helper()
	h.later(t, h.service.expiry.NotStarted)
	if err := h.service.recoverOrders(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestOrdersThatTheKitchenNeverStartsExpire(t *testing.T) {
	h := newHarness(t)
	confirmedLater := h.placeOrder(t, ana)
	old, started, pending := h.confirmedOrder(t), h.confirmedOrder(t), h.placeOrder(t, ana)
	servicetest.Decode[response](t, h.Request(t, cook, "POST", "/orders/"+started+"/status", `{"status":"PREPARING"}`), http.StatusOK)
	h.clock.Advance(time.Microsecond)
	h.deliverReserved(t, confirmedLater)
	h.clock.Advance(-time.Microsecond)
	h.expire(t)
	if err := h.service.recoverOrders(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{confirmedLater: "CONFIRMED", old: "CANCELLED", started: "PREPARING", pending: "PENDING"} {
		if got := h.Request(t, ana, "GET", "/orders/"+id, ""); got.Text("status") != want {
			t.Errorf("got %s, want %s", got.Body, want)
		}
	}
	got := h.Request(t, ana, "GET", "/orders/"+old, "")
	if got.Text("reason") != "not_started" || got.Text("reasonCode") != "not_started" || got.Members["version"] != 3.0 {
		t.Errorf("got %s, want not_started and version 3", got.Body)
	}
	var cancelled []event.OrderStatus
	for _, change := range servicetest.Events(t, h.sidecar, "orders", event.OrderStatusChanged) {
		if change.Status == event.StatusCancelled {
			cancelled = append(cancelled, change)
		}
	}
	if len(cancelled) != 1 || cancelled[0].OrderID != old || cancelled[0].Reason != "not_started" {
		t.Errorf("got %+v, want one CANCELLED event of %s, not_started", cancelled, old)
	}
	servicetest.WantMetrics(t, h.metrics, `comanda_recovery_total{step="expired"} 1`)
}

// TestErasureDoesNotDelayTheExpiry checks that a write which changes no status does not restart the time. The expiry then removes the
// person, and its reason stays.
func TestErasureDoesNotDelayTheExpiry(t *testing.T) {
	h := newHarness(t)
	id := h.placePersonalOrder(t, ana)
	h.deliverReserved(t, id)
	h.later(t, h.service.expiry.NotStarted-time.Second)
	h.deliverErasure(t, ana.ID)
	h.later(t, time.Second)
	if err := h.service.recoverOrders(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := h.Request(t, cook, "GET", "/orders/"+id, "")
	if got.Text("status") != "CANCELLED" || got.Text("reason") != "not_started" || got.Text("reasonCode") != "not_started" {
		t.Errorf("got %s, want CANCELLED, not_started", got.Body)
	}
	h.wantNoPerson(t, id)
}

// TestKitchenAndExpiryAtTheSameMoment checks that exactly one of them succeeds, in either order.
func TestKitchenAndExpiryAtTheSameMoment(t *testing.T) {
	const prepare = `{"status":"PREPARING"}`
	h := newHarness(t)
	first := h.confirmedOrder(t)
	h.sidecar.BeforeNextWrite(func() {
		servicetest.Decode[response](t, h.Request(t, cook, "POST", "/orders/"+first+"/status", prepare), http.StatusOK)
	})
	h.expire(t)
	if got := h.Request(t, ana, "GET", "/orders/"+first, ""); got.Text("status") != "PREPARING" || got.Members["version"] != 3.0 {
		t.Errorf("the kitchen was first: got %s, want PREPARING, version 3", got.Body)
	}

	second := h.confirmedOrder(t)
	h.sidecar.BeforeNextWrite(func() { h.expire(t) })
	if got := h.Request(t, cook, "POST", "/orders/"+second+"/status", prepare); got.Code != http.StatusConflict {
		t.Errorf("the expiry was first: got %d %s, want 409", got.Code, got.Body)
	}
	if got := h.Request(t, ana, "GET", "/orders/"+second, ""); got.Text("status") != "CANCELLED" || got.Members["version"] != 3.0 {
		t.Errorf("the expiry was first: got %s, want CANCELLED, version 3", got.Body)
	}
}

// TestFailedRecoveryDoesNotHoldUpTheExpiry checks that an unreadable PENDING order does not keep others from expiring.
func TestFailedRecoveryDoesNotHoldUpTheExpiry(t *testing.T) {
	h := newHarness(t)
	id, broken := h.confirmedOrder(t), h.placeOrder(t, ana)
	h.corruptOrder(t, broken)
	h.later(t, h.service.expiry.NotStarted)
	if err := h.service.recoverOrders(t.Context()); err == nil {
		t.Error("corrupt order: got no error, want one")
	}
	if got := h.Request(t, ana, "GET", "/orders/"+id, ""); got.Text("status") != "CANCELLED" {
		t.Errorf("got %s, want CANCELLED", got.Body)
	}
}

package main

import (
	"net/http"
	"testing"
	"time"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// ageDocument moves the last write of an order's document into the past, by the database's clock.
func (h *harness) ageDocument(t *testing.T, id string, age time.Duration) {
	t.Helper()
	if _, err := h.pool.Exec(t.Context(), `update state set updated_at = now() - $2::interval where key = 'order-' || $1`, id, age); err != nil {
		t.Fatal(err)
	}
}

func (h *harness) confirmedOrder(t *testing.T) string {
	t.Helper()
	id := h.placeOrder(t, ana)
	h.deliverReserved(t, id)
	return id
}

func TestOrdersThatTheKitchenNeverStartsExpire(t *testing.T) {
	h := newHarness(t)
	young, old, started, pending := h.confirmedOrder(t), h.confirmedOrder(t), h.confirmedOrder(t), h.placeOrder(t, ana)
	servicetest.Decode[response](t, h.Request(t, cook, "POST", "/orders/"+started+"/status", `{"status":"PREPARING"}`), http.StatusOK)
	h.ageDocument(t, young, h.service.expiry.NotStarted-time.Minute)
	for _, id := range []string{old, started, pending} {
		h.ageDocument(t, id, h.service.expiry.NotStarted)
	}
	for range 2 {
		if err := h.service.recoverOrders(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for id, want := range map[string]string{young: "CONFIRMED", old: "CANCELLED", started: "PREPARING", pending: "PENDING"} {
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

// TestKitchenAndExpiryAtTheSameMoment checks that exactly one of them wins, whichever writes first.
func TestKitchenAndExpiryAtTheSameMoment(t *testing.T) {
	const prepare = `{"status":"PREPARING"}`
	h := newHarness(t)
	first := h.confirmedOrder(t)
	h.ageDocument(t, first, h.service.expiry.NotStarted)
	h.sidecar.BeforeNextWrite(func() {
		servicetest.Decode[response](t, h.Request(t, cook, "POST", "/orders/"+first+"/status", prepare), http.StatusOK)
	})
	if err := h.service.recoverOrders(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.Request(t, ana, "GET", "/orders/"+first, ""); got.Text("status") != "PREPARING" || got.Members["version"] != 3.0 {
		t.Errorf("the kitchen was first: got %s, want PREPARING, version 3", got.Body)
	}

	second := h.confirmedOrder(t)
	h.ageDocument(t, second, h.service.expiry.NotStarted)
	h.sidecar.BeforeNextWrite(func() {
		if err := h.service.recoverOrders(t.Context()); err != nil {
			t.Error(err)
		}
	})
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
	h.ageDocument(t, id, h.service.expiry.NotStarted)
	h.clock.Advance(time.Minute)
	if err := h.service.recoverOrders(t.Context()); err == nil {
		t.Error("corrupt order: got no error, want one")
	}
	if got := h.Request(t, ana, "GET", "/orders/"+id, ""); got.Text("status") != "CANCELLED" {
		t.Errorf("got %s, want CANCELLED", got.Body)
	}
}

func TestExpiryMustBeLongerThanZero(t *testing.T) {
	if (Expiry{}).Check() == nil {
		t.Error("0s: got no error")
	}
}

package main

import (
	"net/http"
	"strings"
	"testing"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// A repeated change is answered under its key even if the order has changed since. Another body under that key is refused.
func TestRepeatedChangesAreAnsweredOnce(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	h.deliverReserved(t, id)
	send := func(by servicetest.Person, path, body, key string) servicetest.Response {
		t.Helper()
		return h.Request(t, by, "POST", "/orders/"+id+path, body, "Idempotency-Key", key)
	}
	preparing, ready := `{"status":"PREPARING"}`, `{"status":"READY"}`
	servicetest.Decode[response](t, send(cook, "/status", preparing, "k1"), 200)
	servicetest.Decode[response](t, send(cook, "/status", ready, "k2"), 200)
	if again := servicetest.Decode[response](t, send(cook, "/status", preparing, "k1"), 200); again.Status != event.StatusReady || again.Version != 4 {
		t.Errorf("repeated: got %s, version %d, want the order as it is now: READY, version 4", again.Status, again.Version)
	}
	for name, got := range map[string]servicetest.Response{
		"another body under the key":    send(cook, "/status", ready, "k1"),
		"another request under the key": send(cook, "/cancel", `{"reason":"burnt"}`, "k1"),
	} {
		if got.Code != http.StatusUnprocessableEntity || got.Fields() != "Idempotency-Key" {
			t.Errorf("%s: got %d %s, want 422 for Idempotency-Key", name, got.Code, got.Body)
		}
	}
	if got := send(cook, "/status", preparing, "k3"); got.Code != http.StatusConflict {
		t.Errorf("another key: got %d %s, want 409", got.Code, got.Body)
	}
	servicetest.Decode[response](t, send(cook, "/cancel", `{"reason":"  burnt"}`, "k4"), 200)
	servicetest.Decode[response](t, send(cook, "/cancel", `{"reason":"burnt "}`, "k4"), 200) // the same after trimming
	if published := servicetest.Events(t, h.sidecar, "orders", event.OrderStatusChanged); len(published) != 4 {
		t.Errorf("got %d events, want 4: one for each change", len(published))
	}
}

// The expected total is part of the request, reaches product with the event, and is announced again by the recovery.
func TestExpectedTotalReachesProduct(t *testing.T) {
	h := newHarness(t)
	body := strings.TrimSuffix(basket, "}") + `,"expectedTotalCents":1850,"currency":"EUR"}`
	placed := h.Request(t, ana, "POST", "/orders", body, "Idempotency-Key", "k1")
	if other := h.Request(t, ana, "POST", "/orders", strings.Replace(body, "1850", "1849", 1), "Idempotency-Key", "k1"); other.Code != 422 {
		t.Errorf("another expected total under the key: got %d, want 422", other.Code)
	}
	h.later(t, 2*h.service.recovery.After)
	if err := h.service.recoverOrders(t.Context()); err != nil {
		t.Fatal(err)
	}
	events := servicetest.Events(t, h.sidecar, "orders", event.OrderCreatedPending)
	if len(events) != 2 {
		t.Fatalf("got %d events, want the first and the recovery's", len(events))
	}
	for i, e := range events {
		if e.ExpectedTotalCents == nil || *e.ExpectedTotalCents != 1850 || e.Currency != "EUR" {
			t.Errorf("event %d: got %+v, want an expected total of 1850 EUR", i, e)
		}
	}
	if status := servicetest.Deliver(t, h.API, event.InventoryStockFailed, event.StockFailed{
		OrderID: placed.Text("id"), Version: 1, Reason: event.ReasonPriceChanged, Shortages: []event.Shortage{}, Currency: "EUR", TotalCents: 1900,
	}); status != "SUCCESS" {
		t.Errorf("got %s, want SUCCESS", status)
	}
	now := servicetest.Decode[response](t, h.Request(t, ana, "GET", "/orders/"+placed.Text("id"), ""), 200)
	if now.Status != event.StatusRejected || now.Reason != "price_changed" || now.Shortages != nil {
		t.Errorf("got %+v, want REJECTED: price_changed", now)
	}
}

// Without an expected total the event has neither member, so it is the same event as before these members existed.
func TestEventWithoutAnExpectedTotal(t *testing.T) {
	h := newHarness(t)
	h.placeOrder(t, ana)
	if data := string(h.sidecar.All()[0].Data); strings.Contains(data, "expected") || strings.Contains(data, "currency") {
		t.Errorf("got %s, want no expected total", data)
	}
}

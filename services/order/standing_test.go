package main

import (
	"testing"

	"comanda/services/internal/servicetest"
)

// Product asks how orders stand. The ETag, the lines and the person of an order are none of its business.
func TestStandingsOfOrders(t *testing.T) {
	h := newHarness(t)
	pending, cancelled := h.placeOrder(t, ana), h.placeOrder(t, ana)
	h.Request(t, ana, "POST", "/orders/"+cancelled+"/cancel", `{"reason":"I am allergic"}`)
	path := "/reconciliation/orders?id=" + pending + "&id=" + cancelled + "&id=" + someOrder
	if got := h.Request(t, ana, "GET", path, ""); got.Code != 403 {
		t.Errorf("a customer: got %d, want 403", got.Code)
	}
	got := h.Request(t, servicetest.Person{}, "GET", path, "", "Dapr-Caller-App-Id", "product")
	statuses := map[string]string{}
	for _, item := range got.Members["items"].([]any) {
		order := item.(map[string]any)
		if len(order) != 2 {
			t.Errorf("got %+v, want an id and a status only", order)
		}
		statuses[order["id"].(string)] = order["status"].(string)
	}
	if len(statuses) != 2 || statuses[pending] != "PENDING" || statuses[cancelled] != "CANCELLED" {
		t.Errorf("got %+v, want PENDING and CANCELLED, and nothing about an unknown order", statuses)
	}
}

// The gateway asks for the versions of the orders that clients watch, and no one else may.
func TestVersionsOfWatchedOrders(t *testing.T) {
	h := newHarness(t)
	pending, cancelled := h.placeOrder(t, ana), h.placeOrder(t, ana)
	h.Request(t, ana, "POST", "/orders/"+cancelled+"/cancel", `{}`)
	path := "/tracking/orders?id=" + pending + "&id=" + cancelled + "&id=" + someOrder
	for _, caller := range []string{"product", ""} {
		if got := h.Request(t, cook, "GET", path, "", "Dapr-Caller-App-Id", caller); got.Code != 403 {
			t.Errorf("caller %q: got %d, want 403", caller, got.Code)
		}
	}
	got := h.Request(t, servicetest.Person{}, "GET", path, "", "Dapr-Caller-App-Id", "gateway")
	versions := map[string]float64{}
	for _, item := range got.Members["items"].([]any) {
		order := item.(map[string]any)
		versions[order["id"].(string)] = order["version"].(float64)
	}
	if len(versions) != 2 || versions[pending] != 1 || versions[cancelled] != 2 {
		t.Errorf("got %+v, want the versions 1 and 2, and nothing about an unknown order", versions)
	}
}

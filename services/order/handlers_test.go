package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/servicetest"
)

func TestStockEventsConfirmOrReject(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	for range 2 { // the second delivery is a duplicate
		if status := h.deliverReserved(t, id); status != "SUCCESS" {
			t.Fatalf("got %s, want SUCCESS", status)
		}
	}
	want := fmt.Sprintf(`"status":"CONFIRMED","items":[`+
		`{"productId":%q,"quantity":2,"name":"Soup","unitPriceCents":800,"lineTotalCents":1600},`+
		`{"productId":%q,"quantity":1,"name":"Bread","unitPriceCents":250,"lineTotalCents":250}],`+
		`"currency":"EUR","totalCents":1850,"version":2`, soup, bread)
	if got := h.Request(t, ana, "GET", "/orders/"+id, ""); !strings.Contains(got.Body, want) {
		t.Errorf("got %s, want it to contain %s", got.Body, want)
	}
	changes := servicetest.Events(t, h.sidecar, "orders", event.OrderStatusChanged)
	if len(changes) != 1 ||
		changes[0] != (event.OrderStatus{OrderID: id, Version: 2, CustomerID: customerID, Status: "CONFIRMED", At: noon}) {
		t.Errorf("got %+v, want one CONFIRMED event", changes)
	}

	rejected := h.placeOrder(t, ana)
	if status := h.deliverFailed(t, rejected); status != "SUCCESS" {
		t.Fatalf("got %s, want SUCCESS", status)
	}
	want = fmt.Sprintf(`"reason":"insufficient_stock","reasonCode":"insufficient_stock","shortages":[{"productId":%q,"requested":2,"available":1}],"version":2`, soup)
	if got := h.Request(t, ana, "GET", "/orders/"+rejected, ""); got.Text("status") != "REJECTED" ||
		!strings.Contains(got.Body, want) {
		t.Errorf("got %s, want it to contain %s", got.Body, want)
	}
}

func TestUnexpectedStockEvents(t *testing.T) {
	h := newHarness(t)
	cancelled, rejected, confirmed := h.placeOrder(t, ana), h.placeOrder(t, ana), h.placeOrder(t, ana)
	h.Request(t, ana, "POST", "/orders/"+cancelled+"/cancel", "")
	h.deliverFailed(t, rejected)
	h.deliverReserved(t, confirmed)
	before := len(h.sidecar.All())
	for name, tc := range map[string]struct{ got, want string }{
		"reserved, order cancelled": {h.deliverReserved(t, cancelled), "SUCCESS"},
		"failed, order cancelled":   {h.deliverFailed(t, cancelled), "SUCCESS"},
		"failed, order rejected":    {h.deliverFailed(t, rejected), "SUCCESS"},
		"reserved, order rejected":  {h.deliverReserved(t, rejected), "DROP"},
		"failed, order confirmed":   {h.deliverFailed(t, confirmed), "DROP"},
		"unknown order":             {h.deliverReserved(t, someOrder), "RETRY"},
		"invalid order id":          {h.deliverReserved(t, "x"), "DROP"},
		"lines missing": {servicetest.Deliver(t, h.API, event.InventoryStockReserved,
			json.RawMessage(fmt.Sprintf(`{"orderId":%q,"currency":"EUR"}`, h.placeOrder(t, ana)))), "DROP"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: got %s, want %s", name, tc.got, tc.want)
		}
	}
	if got := len(h.sidecar.All()); got != before+1 { // the order that the table places
		t.Errorf("got %d new events, want 1", got-before)
	}
	missing := event.Received[event.StockReserved]{Data: event.StockReserved{OrderID: someOrder}}
	if err := h.service.stockReserved(t.Context(), missing); !consumer.IsPostponed(err) { // it holds up no other order
		t.Errorf("unknown order: got %v, want a postponed event", err)
	}
	h.sidecar.Away(true)
	if status := h.deliverReserved(t, confirmed); status != "RETRY" {
		t.Errorf("sidecar unavailable: got %s, want RETRY", status)
	}
}

func TestOnlyOwnerAndStaffSeeAnOrder(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	for _, path := range []string{"", "/history"} {
		for name, tc := range map[string]struct {
			caller servicetest.Person
			code   int
		}{
			"owner": {ana, 200}, "staff": {cook, 200}, "other customer": {ben, 404}, "admin": {admin, 404}, "anonymous": {anonymous, 401},
		} {
			if got := h.Request(t, tc.caller, "GET", "/orders/"+id+path, ""); got.Code != tc.code {
				t.Errorf("%s%s: got %d, want %d", name, path, got.Code, tc.code)
			}
		}
		for _, id := range []string{someOrder, "x", strings.ToUpper(id), "..%2fx"} {
			if got := h.Request(t, cook, "GET", "/orders/"+id+path, ""); got.Code != 404 {
				t.Errorf("%s%s: got %d, want 404", id, path, got.Code)
			}
		}
	}
	if got := h.Request(t, ben, "POST", "/orders/"+id+"/cancel", ""); got.Code != 404 {
		t.Errorf("cancellation by another customer: got %d, want 404", got.Code)
	}
	if got := h.Request(t, ana, "POST", "/orders/"+id+"/status", `{"status":"PREPARING"}`); got.Code != 403 {
		t.Errorf("status change by a customer: got %d, want 403", got.Code)
	}
	if got := h.Request(t, cook, "POST", "/orders/"+someOrder+"/cancel", ""); got.Code != 404 {
		t.Errorf("cancellation of an unknown order: got %d, want 404", got.Code)
	}
}

func TestCancelOrder(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	first := h.Request(t, ana, "POST", "/orders/"+id+"/cancel", `{"reason":" too hungry "}`)
	if first.Code != 200 || first.Text("status") != "CANCELLED" || first.Text("reason") != "too hungry" {
		t.Errorf("got %d %s, want 200 with CANCELLED and the reason", first.Code, first.Body)
	}
	again := h.Request(t, cook, "POST", "/orders/"+id+"/cancel", `{"reason":"another"}`)
	if again.Code != 200 || again.Body != first.Body {
		t.Errorf("second cancellation: got %d %s, want the first response", again.Code, again.Body)
	}
	changes := servicetest.Events(t, h.sidecar, "orders", event.OrderStatusChanged)
	if len(changes) != 1 || changes[0].Status != "CANCELLED" || changes[0].Reason != "customer" {
		t.Errorf("got %+v, want one CANCELLED event", changes)
	}

	id = h.placeOrder(t, ana)
	for _, wrong := range []string{`{"reason":7}`, `{"why":"x"}`, `{"reason":"` + strings.Repeat("x", 501) + `"}`, `[]`} {
		if got := h.Request(t, ana, "POST", "/orders/"+id+"/cancel", wrong); got.Code != 422 {
			t.Errorf("%s: got %d, want 422", wrong, got.Code)
		}
	}
	if got := h.Request(t, ana, "POST", "/orders/"+id+"/cancel", `{`); got.Code != 400 {
		t.Errorf("got %d, want 400", got.Code)
	}
	if got := h.Request(t, ana, "POST", "/orders/"+id+"/cancel", `{}`); got.Code != 200 || strings.Contains(got.Body, `"reason"`) {
		t.Errorf("without a reason: got %d %s, want 200", got.Code, got.Body)
	}

	id = h.placeOrder(t, ana)
	h.deliverReserved(t, id)
	h.Request(t, cook, "POST", "/orders/"+id+"/status", `{"status":"PREPARING"}`)
	if got := h.Request(t, ana, "POST", "/orders/"+id+"/cancel", ""); got.Code != 409 {
		t.Errorf("owner, order PREPARING: got %d, want 409", got.Code)
	}
	if got := h.Request(t, cook, "POST", "/orders/"+id+"/cancel", ""); got.Code != 200 || got.Members["totalCents"] != 1850.0 {
		t.Errorf("staff, order PREPARING: got %d %s, want 200", got.Code, got.Body)
	}
}

// TestCancelRacesWithConfirm checks that the second write sees the first one.
func TestCancelRacesWithConfirm(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	h.sidecar.BeforeNextWrite(func() { h.Request(t, ana, "POST", "/orders/"+id+"/cancel", "") })
	if status := h.deliverReserved(t, id); status != "SUCCESS" {
		t.Errorf("got %s, want SUCCESS", status)
	}
	if got := h.Request(t, ana, "GET", "/orders/"+id, ""); got.Text("status") != "CANCELLED" || got.Members["version"] != 2.0 {
		t.Errorf("got %s, want CANCELLED in version 2", got.Body)
	}

	id = h.placeOrder(t, ana)
	h.sidecar.BeforeNextWrite(func() { h.deliverReserved(t, id) })
	if got := h.Request(t, ana, "POST", "/orders/"+id+"/cancel", ""); got.Text("status") != "CANCELLED" ||
		got.Members["version"] != 3.0 {
		t.Errorf("got %s, want CANCELLED in version 3", got.Body)
	}
}

func TestStaffAdvanceAnOrderToDelivery(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	step := func(status string) servicetest.Response {
		t.Helper()
		return h.Request(t, cook, "POST", "/orders/"+id+"/status", fmt.Sprintf(`{"status":%q}`, status))
	}
	if got := step("PREPARING"); got.Code != 409 {
		t.Errorf("PREPARING before CONFIRMED: got %d, want 409", got.Code)
	}
	h.deliverReserved(t, id)
	for i, status := range []string{"PREPARING", "READY", "OUT_FOR_DELIVERY", "DELIVERED"} {
		for range 2 {
			if got := step(status); got.Code != 200 || got.Text("status") != status || got.Members["version"] != float64(i+3) {
				t.Fatalf("%s: got %d %s, want 200", status, got.Code, got.Body)
			}
		}
	}
	if got := step("READY"); got.Code != 409 {
		t.Errorf("READY after DELIVERED: got %d, want 409", got.Code)
	}
	for _, wrong := range []string{`{"status":"CANCELLED"}`, `{"status":"CONFIRMED"}`, `{"status":"x"}`, `{}`, `{"status":1}`} {
		if got := h.Request(t, cook, "POST", "/orders/"+id+"/status", wrong); got.Code != 422 || got.Fields() != "status" {
			t.Errorf("%s: got %d %s, want 422 for status", wrong, got.Code, got.Body)
		}
	}
	history := h.Request(t, ana, "GET", "/orders/"+id+"/history", "")
	items, _ := history.Members["items"].([]any)
	if history.Text("orderId") != id || history.Text("customerId") != customerID || len(items) != 6 {
		t.Fatalf("got history %s, want 6 entries", history.Body)
	}
	for i, item := range items {
		if version := item.(map[string]any)["version"]; version != float64(i+1) {
			t.Errorf("entry %d: got version %v, want %d", i, version, i+1)
		}
	}
	if !strings.Contains(history.Body, `{"version":1,"status":"PENDING","at":"2026-11-23T12:00:00.123456Z"}`) {
		t.Errorf("got history %s, want it to begin with PENDING at noon", history.Body)
	}
}

// A 404 for another customer's order reads like one for an order that does not exist; otherwise it would reveal which ids are
// taken.
func TestAHiddenOrderLooksLikeAMissingOne(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	for _, route := range [][2]string{{"GET", ""}, {"GET", "/history"}, {"POST", "/cancel"}} {
		hidden := h.Request(t, ben, route[0], "/orders/"+id+route[1], "")
		missing := h.Request(t, ben, route[0], "/orders/"+someOrder+route[1], "")
		if got := strings.ReplaceAll(hidden.Body, id, someOrder); got != missing.Body {
			t.Errorf("%s %s: a hidden order answers %s, a missing one %s", route[0], route[1], got, missing.Body)
		}
	}
}

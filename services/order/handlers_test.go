package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/mux"

	"comanda/services/event"
	"comanda/services/internal/await"
	"comanda/services/internal/document"
	"comanda/services/internal/server"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

func TestProductsAnswer(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(ana)
	for range 2 { // the second is a duplicate
		if fate := h.deliverReserved(id); fate != "SUCCESS" {
			t.Fatalf("the fate is %s", fate)
		}
	}
	want := fmt.Sprintf(`"status":"CONFIRMED","items":[{"productId":%q,"quantity":2,"name":"Soup","unitPriceCents":800,"lineTotalCents":1600},`+
		`{"productId":%q,"quantity":1,"name":"Bread","unitPriceCents":250,"lineTotalCents":250}],"currency":"EUR","totalCents":1850,"version":2`, soup, bread)
	if got := h.request(ana, "GET", "/orders/"+id, ""); !strings.Contains(got.Body.String(), want) {
		t.Errorf("answers %s, want in it %s", got.Body, want)
	}
	told := servicetest.Events(t, h.sidecar, "orders", event.OrderStatusChanged)
	if len(told) != 1 || told[0] != (event.OrderStatus{OrderID: id, Version: 2, CustomerID: customerID, Status: "CONFIRMED", At: noon}) {
		t.Errorf("announced %+v", told)
	}

	rejected := h.placeOrder(ana)
	if fate := h.deliverFailed(rejected); fate != "SUCCESS" {
		t.Fatalf("the fate is %s", fate)
	}
	want = fmt.Sprintf(`"reason":"insufficient_stock","shortages":[{"productId":%q,"requested":2,"available":1}],"version":2`, soup)
	if got := h.request(ana, "GET", "/orders/"+rejected, ""); got.text("status") != "REJECTED" || !strings.Contains(got.Body.String(), want) {
		t.Errorf("answers %s, want in it %s", got.Body, want)
	}
}

func TestTheFateOfAnswersThatDoNotFit(t *testing.T) {
	h := newHarness(t)
	cancelled, rejected, confirmed := h.placeOrder(ana), h.placeOrder(ana), h.placeOrder(ana)
	h.request(ana, "POST", "/orders/"+cancelled+"/cancel", "")
	h.deliverFailed(rejected)
	h.deliverReserved(confirmed)
	announced := len(h.sidecar.All())
	for name, tc := range map[string]struct{ got, want string }{
		"reserved, but cancelled":   {h.deliverReserved(cancelled), "SUCCESS"},
		"failed, but cancelled":     {h.deliverFailed(cancelled), "SUCCESS"},
		"failed twice":              {h.deliverFailed(rejected), "SUCCESS"},
		"reserved, but rejected":    {h.deliverReserved(rejected), "DROP"},
		"failed, but confirmed":     {h.deliverFailed(confirmed), "DROP"},
		"an order that is not here": {h.deliverReserved(someOrder), "RETRY"},
		"no order at all":           {h.deliverReserved("x"), "DROP"},
		"not what was ordered":      {h.deliver("inventory.stock.reserved", fmt.Sprintf(`{"orderId":%q,"currency":"EUR"}`, h.placeOrder(ana))), "DROP"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %s, want %s", name, tc.got, tc.want)
		}
	}
	if got := len(h.sidecar.All()); got != announced+1 { // the one placed in the table
		t.Errorf("%d announced more", got-announced)
	}
	h.sidecar.Away(true)
	if fate := h.deliverReserved(confirmed); fate != "RETRY" {
		t.Errorf("the sidecar is away: %s", fate)
	}
}

func TestWhoMayKnowOfAnOrder(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(ana)
	for _, path := range []string{"", "/history"} {
		for name, tc := range map[string]struct {
			who  person
			code int
		}{"its owner": {ana, 200}, "staff": {cook, 200}, "another customer": {ben, 404}, "an admin": {admin, 404}, "nobody": {person{}, 401}} {
			if got := h.request(tc.who, "GET", "/orders/"+id+path, ""); got.Code != tc.code {
				t.Errorf("%s%s: answers %d", name, path, got.Code)
			}
		}
		for _, id := range []string{someOrder, "x", strings.ToUpper(id), "..%2fx"} {
			if got := h.request(cook, "GET", "/orders/"+id+path, ""); got.Code != 404 {
				t.Errorf("%s%s: answers %d", id, path, got.Code)
			}
		}
	}
	if got := h.request(ben, "POST", "/orders/"+id+"/cancel", ""); got.Code != 404 {
		t.Errorf("another customer cancels: %d", got.Code)
	}
	if got := h.request(ana, "POST", "/orders/"+id+"/status", `{"status":"PREPARING"}`); got.Code != 403 {
		t.Errorf("a customer works: %d", got.Code)
	}
	if got := h.request(cook, "POST", "/orders/"+someOrder+"/cancel", ""); got.Code != 404 {
		t.Errorf("what is not there is cancelled: %d", got.Code)
	}
}

func TestCancelling(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(ana)
	first := h.request(ana, "POST", "/orders/"+id+"/cancel", `{"reason":" too hungry "}`)
	if first.Code != 200 || first.text("status") != "CANCELLED" || first.text("reason") != "too hungry" {
		t.Errorf("answers %d %s", first.Code, first.Body)
	}
	again := h.request(cook, "POST", "/orders/"+id+"/cancel", `{"reason":"another"}`)
	if again.Code != 200 || again.Body.String() != first.Body.String() {
		t.Errorf("a second time answers %d %s", again.Code, again.Body)
	}
	told := servicetest.Events(t, h.sidecar, "orders", event.OrderStatusChanged)
	if len(told) != 1 || told[0].Status != "CANCELLED" || told[0].Reason != "too hungry" {
		t.Errorf("announced %+v", told)
	}

	id = h.placeOrder(ana)
	for _, wrong := range []string{`{"reason":7}`, `{"why":"x"}`, `{"reason":"` + strings.Repeat("x", 501) + `"}`, `[]`} {
		if got := h.request(ana, "POST", "/orders/"+id+"/cancel", wrong); got.Code != 422 {
			t.Errorf("%s answers %d", wrong, got.Code)
		}
	}
	if got := h.request(ana, "POST", "/orders/"+id+"/cancel", `{`); got.Code != 400 {
		t.Errorf("answers %d", got.Code)
	}
	if got := h.request(ana, "POST", "/orders/"+id+"/cancel", `{}`); got.Code != 200 || strings.Contains(got.Body.String(), "reason") {
		t.Errorf("no reason: answers %d %s", got.Code, got.Body)
	}

	id = h.placeOrder(ana)
	h.deliverReserved(id)
	h.request(cook, "POST", "/orders/"+id+"/status", `{"status":"PREPARING"}`)
	if got := h.request(ana, "POST", "/orders/"+id+"/cancel", ""); got.Code != 409 {
		t.Errorf("too late: answers %d", got.Code)
	}
	if got := h.request(cook, "POST", "/orders/"+id+"/cancel", ""); got.Code != 200 || got.body["totalCents"] != 1850.0 {
		t.Errorf("staff: answers %d %s", got.Code, got.Body)
	}
}

// TestARaceBetweenCancelAndConfirm: whoever is second sees what the first has done.
func TestARaceBetweenCancelAndConfirm(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(ana)
	h.sidecar.BeforeNextWrite(func() { h.request(ana, "POST", "/orders/"+id+"/cancel", "") })
	if fate := h.deliverReserved(id); fate != "SUCCESS" {
		t.Errorf("the fate is %s", fate)
	}
	if got := h.request(ana, "GET", "/orders/"+id, ""); got.text("status") != "CANCELLED" || got.body["version"] != 2.0 {
		t.Errorf("answers %s", got.Body)
	}

	id = h.placeOrder(ana)
	h.sidecar.BeforeNextWrite(func() { h.deliverReserved(id) })
	if got := h.request(ana, "POST", "/orders/"+id+"/cancel", ""); got.text("status") != "CANCELLED" || got.body["version"] != 3.0 {
		t.Errorf("answers %s", got.Body)
	}
}

func TestTheKitchen(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(ana)
	step := func(status string) reply {
		t.Helper()
		return h.request(cook, "POST", "/orders/"+id+"/status", fmt.Sprintf(`{"status":%q}`, status))
	}
	if got := step("PREPARING"); got.Code != 409 {
		t.Errorf("not confirmed yet: answers %d", got.Code)
	}
	h.deliverReserved(id)
	for i, status := range []string{"PREPARING", "READY", "OUT_FOR_DELIVERY", "DELIVERED"} {
		for range 2 {
			if got := step(status); got.Code != 200 || got.text("status") != status || got.body["version"] != float64(i+3) {
				t.Fatalf("%s answers %d %s", status, got.Code, got.Body)
			}
		}
	}
	if got := step("READY"); got.Code != 409 {
		t.Errorf("back again: answers %d", got.Code)
	}
	for _, wrong := range []string{`{"status":"CANCELLED"}`, `{"status":"CONFIRMED"}`, `{"status":"x"}`, `{}`, `{"status":1}`} {
		if got := h.request(cook, "POST", "/orders/"+id+"/status", wrong); got.Code != 422 || got.fields() != "status" {
			t.Errorf("%s answers %d %s", wrong, got.Code, got.Body)
		}
	}
	past := h.request(ana, "GET", "/orders/"+id+"/history", "")
	items, _ := past.body["items"].([]any)
	if past.text("orderId") != id || past.text("customerId") != customerID || len(items) != 6 {
		t.Fatalf("the history is %s", past.Body)
	}
	for i, item := range items {
		if version := item.(map[string]any)["version"]; version != float64(i+1) {
			t.Errorf("entry %d has version %v", i, version)
		}
	}
	if !strings.Contains(past.Body.String(), `{"version":1,"status":"PENDING","at":"2026-11-23T12:00:00.123456Z"}`) {
		t.Errorf("the history is %s", past.Body)
	}
}

func TestWaiting(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(ana)
	answered := make(chan reply, 1)
	begin := time.Now()
	go func() { answered <- h.requestIn(t.Context(), ana, "GET", "/orders/"+id, "", "Prefer", "wait=20") }()
	select {
	case got := <-answered:
		t.Fatalf("did not wait: %s", got.Body)
	case <-time.After(50 * time.Millisecond):
	}
	h.deliverReserved(id)
	got := <-answered
	if got.Code != http.StatusOK || got.text("status") != "CONFIRMED" || got.Header().Get("Preference-Applied") != "wait=20" {
		t.Errorf("answers %d %s", got.Code, got.Body)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
	if got := h.request(ana, "GET", "/orders/"+id, "", "Prefer", "wait=31"); got.Code != 400 {
		t.Errorf("answers %d", got.Code)
	}
	if got := h.request(ben, "GET", "/orders/"+id, "", "Prefer", "wait=20"); got.Code != 404 {
		t.Errorf("answers %d", got.Code)
	}
}

// memory is a sidecar that has one document, for tests in which time stands still (package synctest knows no sockets).
type memorySidecar struct{ document []byte }

func (m *memorySidecar) GetState(_ context.Context, _, key string, _ map[string]string) (*dapr.StateItem, error) {
	return &dapr.StateItem{Key: key, Value: m.document, Etag: "1"}, nil
}

func (m *memorySidecar) ExecuteStateTransaction(_ context.Context, _ string, _ map[string]string, ops []*dapr.StateOperation) error {
	m.document = ops[0].Item.Value
	return nil
}

// TestProductsAnswerWakesWhoWaits: at once, and not with the next look.
func TestProductsAnswerWakesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw, err := json.Marshal(orderIn(t, event.StatusPending))
		if err != nil {
			t.Fatal(err)
		}
		s := &service{orders: document.NewStore[Order](&memorySidecar{raw}, "orders", kind), metrics: newMetrics(nil, slog.New(slog.DiscardHandler)), changes: &await.Changes{}, now: server.Clock}
		begin := time.Now()
		time.AfterFunc(20*time.Second+time.Millisecond, func() {
			if err := s.stockReserved(t.Context(), event.Received[event.StockReserved]{Data: reservedStock()}); err != nil {
				t.Error(err)
			}
		})
		r := httptest.NewRequestWithContext(token.With(t.Context(), token.Claims{
			Roles: []string{token.Staff}, RegisteredClaims: jwt.RegisteredClaims{Subject: staffID},
		}), http.MethodGet, "/orders/"+someOrder, nil)
		r.Header.Set("Prefer", "wait=30")
		w := httptest.NewRecorder()
		if err := s.showOrder(w, mux.SetURLVars(r, map[string]string{"id": someOrder})); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != 20*time.Second+time.Millisecond || !strings.Contains(w.Body.String(), "CONFIRMED") {
			t.Errorf("after %s: %s", took, w.Body)
		}
	})
}

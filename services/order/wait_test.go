package main

import (
	"context"
	"encoding/json"
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

func TestWaitReturnsOnceTheOrderIsDecided(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	responses := make(chan servicetest.Response, 1)
	begin := time.Now()
	go func() { responses <- h.Request(t, ana, "GET", "/orders/"+id, "", "Prefer", "wait=20") }()
	select {
	case got := <-responses:
		t.Fatalf("got %s at once, want the request to wait", got.Body)
	case <-time.After(50 * time.Millisecond):
	}
	h.deliverReserved(t, id)
	got := <-responses
	if got.Code != http.StatusOK || got.Text("status") != "CONFIRMED" || got.Header.Get("Preference-Applied") != "wait=20" {
		t.Errorf("got %d %s, want 200 with CONFIRMED", got.Code, got.Body)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %s, want less than 5s", took)
	}
	got = h.Request(t, ana, "GET", "/orders/"+id, "", "Prefer", "respond-async, wait=45")
	if got.Code != 200 || got.Header.Get("Preference-Applied") != "wait=30" {
		t.Errorf("wait=45: got %d, Preference-Applied %q, want 200 and wait=30", got.Code, got.Header.Get("Preference-Applied"))
	}
	if got := h.Request(t, ben, "GET", "/orders/"+id, "", "Prefer", "wait=20"); got.Code != 404 {
		t.Errorf("got %d, want 404", got.Code)
	}
}

// memorySidecar holds one document in memory. Tests with a fake clock need it, because package synctest does not support
// sockets.
type memorySidecar struct{ document []byte }

func (m *memorySidecar) GetState(_ context.Context, _, key string, _ map[string]string) (*dapr.StateItem, error) {
	return &dapr.StateItem{Key: key, Value: m.document, Etag: "1"}, nil
}

func (m *memorySidecar) ExecuteStateTransaction(_ context.Context, _ string, _ map[string]string,
	ops []*dapr.StateOperation) error {
	m.document = ops[0].Item.Value
	return nil
}

// TestStockEventWakesWaitingRequests checks that the request returns at once, not at the end of its wait.
func TestStockEventWakesWaitingRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		raw, err := json.Marshal(orderIn(t, event.StatusPending))
		if err != nil {
			t.Fatal(err)
		}
		s := &service{orders: document.NewStore[Order](&memorySidecar{raw}, "orders", kind),
			metrics: newMetrics(nil, slog.New(slog.DiscardHandler)), changes: &await.Changes{}, now: server.Clock}
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
			t.Errorf("got %s after %s, want CONFIRMED after 20.001s", w.Body, took)
		}
	})
}

// Another replica decides the order. One query, for all requests that wait, finds this out.
func TestWaitFindsADecisionOfAnotherReplica(t *testing.T) {
	h := newHarness(t)
	h.service.changes.Settled = h.service.lists.Decided
	id, other := h.placeOrder(t, ana), h.placeOrder(t, ana)
	responses := make(chan servicetest.Response, 2)
	for _, order := range []string{id, other} {
		go func() { responses <- h.Request(t, ana, "GET", "/orders/"+order, "", "Prefer", "wait=20") }()
	}
	elsewhere := *h.service
	elsewhere.changes = &await.Changes{}
	replica := servicetest.NewAPI(elsewhere.routes(), elsewhere.subscriptions())
	for _, order := range []string{id, other} {
		if got := replica.Request(t, ana, "POST", "/orders/"+order+"/cancel", ""); got.Code != http.StatusOK {
			t.Fatalf("got %d %s, want 200", got.Code, got.Body)
		}
	}
	begun := time.Now()
	for range 2 {
		if got := <-responses; got.Text("status") != "CANCELLED" || time.Since(begun) > 10*time.Second {
			t.Errorf("got %s after %s, want CANCELLED at once", got.Body, time.Since(begun))
		}
	}
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/await"
	"comanda/services/internal/consumer"
	"comanda/services/internal/document"
	"comanda/services/internal/recovery"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

const secret = "a secret of at least thirty-two bytes"

// harness is order's API and event handlers on a real Postgres, with a fake sidecar and a fake product.
type harness struct {
	t       *testing.T
	pool    *pgxpool.Pool
	sidecar *servicetest.Sidecar
	product *fakeProduct
	service *service
	handler http.Handler
	metrics *prometheus.Registry

	mu   sync.Mutex
	time time.Time
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	pool := servicetest.NewDatabase(t, migrations)
	h := &harness{t: t, pool: pool, sidecar: servicetest.NewSidecar(pool), product: &fakeProduct{}, metrics: prometheus.NewRegistry(), time: noon}
	h.product.response = fmt.Sprintf(`{"items":[{"id":%q,"active":true},{"id":%q,"active":true}]}`, soup, bread)
	log := slog.New(slog.DiscardHandler)
	h.service = &service{
		log: log, orders: document.NewStore[Order](h.sidecar, "orders", kind), lists: lists{pool},
		metrics: newMetrics(h.metrics, log), menu: newMenu(h.product, h.now), changes: &await.Changes{},
		recovery: recovery.Timing{After: 30 * time.Second, GiveUp: 15 * time.Minute, Every: time.Second}, now: h.now,
	}
	router := rest.Router(log, token.NewVerifier(token.Secret(secret)), h.service.routes())
	consumer.Register(router, log, h.service.subscriptions())
	h.handler = router
	return h
}

func (h *harness) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.time
}

// advanceClock moves the service's clock forward.
func (h *harness) advanceClock(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.time = h.time.Add(d)
}

// person is a caller. The zero value sends no token.
type person struct {
	id    string
	roles []string
}

var (
	ana   = person{customerID, []string{token.Customer}}
	ben   = person{"7b8f4a52-58f7-4c0e-9d51-0c1f1a3f0003", []string{token.Customer}}
	cook  = person{staffID, []string{token.Customer, token.Staff}}
	admin = person{"7b8f4a52-58f7-4c0e-9d51-0c1f1a3f0004", []string{token.Admin}}
)

// reply is a response with its decoded body.
type reply struct {
	*httptest.ResponseRecorder
	body map[string]any
}

func (r reply) text(member string) string {
	text, _ := r.body[member].(string)
	return text
}

// fields returns the invalid fields of a 422 response.
func (r reply) fields() string {
	var names []string
	list, _ := r.body["errors"].([]any)
	for _, entry := range list {
		names = append(names, fmt.Sprint(entry.(map[string]any)["field"]))
	}
	return strings.Join(names, " ")
}

// request sends a request as p. headers are name, value, name, value.
func (h *harness) request(p person, method, path, body string, headers ...string) reply {
	h.t.Helper()
	return h.requestIn(h.t.Context(), p, method, path, body, headers...)
}

func (h *harness) requestIn(ctx context.Context, p person, method, path, body string, headers ...string) reply {
	r := httptest.NewRequestWithContext(ctx, method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if p.id != "" {
		signed, err := token.Secret(secret).Sign(p.id, p.roles, time.Now())
		if err != nil {
			panic(err)
		}
		r.Header.Set("Authorization", "Bearer "+signed)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response := reply{httptest.NewRecorder(), map[string]any{}}
	h.handler.ServeHTTP(response, r)
	if err := json.Unmarshal(response.Body.Bytes(), &response.body); err != nil {
		panic(fmt.Sprintf("%s %s: got %d without JSON: %s", method, path, response.Code, response.Body))
	}
	return response
}

// placeOrder places an order as p and returns its id.
func (h *harness) placeOrder(p person) string {
	h.t.Helper()
	response := h.request(p, "POST", "/orders", basket)
	if response.Code != http.StatusCreated {
		h.t.Fatalf("place an order: got %d: %s, want 201", response.Code, response.Body)
	}
	return response.text("id")
}

// deliver delivers an event and returns the status of the response.
func (h *harness) deliver(topic, data string) string {
	h.t.Helper()
	envelope := fmt.Sprintf(`{"specversion":"1.0","id":"outbox-1","type":"%s.v1","source":"product","data":%s}`, topic, data)
	return h.request(person{}, "POST", "/events/"+topic, envelope).text("status")
}

// deliverReserved delivers product's reservation of an order.
func (h *harness) deliverReserved(id string) string {
	h.t.Helper()
	return h.deliver("inventory.stock.reserved", fmt.Sprintf(`{"orderId":%q,"version":1,"currency":"EUR","totalCents":1850,"items":[
		{"productId":%q,"quantity":2,"name":"Soup","unitPriceCents":800,"lineTotalCents":1600},
		{"productId":%q,"quantity":1,"name":"Bread","unitPriceCents":250,"lineTotalCents":250}]}`, id, soup, bread))
}

// deliverFailed delivers product's refusal of an order.
func (h *harness) deliverFailed(id string) string {
	h.t.Helper()
	return h.deliver("inventory.stock.failed", fmt.Sprintf(
		`{"orderId":%q,"version":1,"reason":"insufficient_stock","shortages":[{"productId":%q,"requested":2,"available":1}]}`, id, soup))
}

const basket = `{"items":[{"productId":"` + soup + `","quantity":2},{"productId":"` + bread + `","quantity":1}]}`

package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/event"
	"comanda/services/internal/await"
	"comanda/services/internal/document"
	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/timeline"
	"comanda/services/internal/token"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

// harness is order's API on a real Postgres, with a fake sidecar and a fake product.
type harness struct {
	servicetest.API
	pool    *pgxpool.Pool
	sidecar *servicetest.Sidecar
	product *fakeProduct
	steps   *productSteps
	service *service
	clock   *servicetest.Clock
	metrics *prometheus.Registry
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	pool, registry, log := servicetest.NewDatabase(t, migrations), prometheus.NewRegistry(), slog.New(slog.DiscardHandler)
	h := &harness{
		pool: pool, sidecar: servicetest.NewSidecar(pool), product: &fakeProduct{},
		clock: servicetest.NewClock(noon), metrics: registry,
	}
	h.product.response = fmt.Sprintf(`{"items":[{"id":%q,"active":true},{"id":%q,"active":true}]}`, soup, bread)
	h.steps = &productSteps{}
	way, _ := servicetest.NewInvoker(t, h.steps)
	h.service = &service{
		log: log, orders: document.NewStore[Order](h.sidecar, "orders", kind), lists: openLists(pool),
		repeats: timeline.Repeats{Pool: pool, Log: log, Actor: "order"}, invoker: way,
		erasures: document.NewStore[Erasure](h.sidecar, "orders", erasureKind), cursors: servicetest.Cursors,
		admission: newAdmission(maxCounted, openLists(pool), h.clock.Now, log, registry),
		metrics:   newMetrics(registry, log), menu: newMenu(h.product, h.clock.Now), changes: &await.Changes{},
		recovery: recovery.Timing{After: 30 * time.Second, GiveUp: 15 * time.Minute, Every: time.Second}, now: h.clock.Now,
		expiry: Expiry{NotStarted: 10 * time.Minute},
	}
	h.API = servicetest.NewAPI(h.service.routes(), h.service.subscriptions())
	return h
}

var (
	anonymous = servicetest.Person{}

	ana   = servicetest.Person{ID: customerID, Roles: []string{token.Customer}}
	ben   = servicetest.Person{ID: "7b8f4a52-58f7-4c0e-9d51-0c1f1a3f0003", Roles: []string{token.Customer}}
	cook  = servicetest.Person{ID: staffID, Roles: []string{token.Customer, token.Staff}}
	admin = servicetest.Person{ID: "7b8f4a52-58f7-4c0e-9d51-0c1f1a3f0004", Roles: []string{token.Admin}}
)

// placeOrder places an order as p and returns its id.
func (h *harness) placeOrder(t *testing.T, p servicetest.Person) string {
	t.Helper()
	response := h.Request(t, p, "POST", "/orders", basket)
	if response.Code != http.StatusCreated {
		t.Fatalf("place an order: got %d: %s, want 201", response.Code, response.Body)
	}
	return response.Text("id")
}

// deliverReserved delivers product's reservation of an order.
func (h *harness) deliverReserved(t *testing.T, id string) string {
	t.Helper()
	return servicetest.Deliver(t, h.API, event.InventoryStockReserved, reservedOutcome(id))
}

// reservedOutcome returns product's reservation of an order.
func reservedOutcome(id string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(
		`{"orderId":%q,"version":1,"currency":"EUR","totalCents":1850,"items":[
		{"productId":%q,"quantity":2,"name":"Soup","unitPriceCents":800,"lineTotalCents":1600},
		{"productId":%q,"quantity":1,"name":"Bread","unitPriceCents":250,"lineTotalCents":250}]}`, id, soup, bread))
}

// deliverFailed delivers product's refusal of an order.
func (h *harness) deliverFailed(t *testing.T, id string) string {
	t.Helper()
	return servicetest.Deliver(t, h.API, event.InventoryStockFailed, failedOutcome(id))
}

// failedOutcome returns product's refusal of an order.
func failedOutcome(id string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(
		`{"orderId":%q,"version":1,"reason":"insufficient_stock","shortages":[{"productId":%q,"requested":2,"available":1}]}`, id, soup))
}

const basket = `{"items":[{"productId":"` + soup + `","quantity":2},{"productId":"` + bread + `","quantity":1}]}`

package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/timeline"
)

// harness is product's API on a real Postgres, with a fake sidecar.
type harness struct {
	servicetest.API
	store
	sidecar *servicetest.Sidecar
	metrics *prometheus.Registry
	service service
}

func newHarness(t *testing.T) harness {
	t.Helper()
	s, registry, log := newStore(t), prometheus.NewRegistry(), slog.New(slog.DiscardHandler)
	sidecar := servicetest.NewSidecar(s.pool)
	svc := service{s, newAnnouncer(sidecar, time.Now), new(orderLocks), newMetrics(registry, log),
		timeline.Repeats{Pool: s.pool, Log: log, Actor: "product"}, "EUR", servicetest.Cursors, log}
	return harness{servicetest.NewAPI(svc.routes(), svc.subscriptions()), s, sidecar, registry, svc}
}

// placeOrder delivers a new order with one line.
func (h harness) placeOrder(t *testing.T, orderID, productID string, quantity int) string {
	t.Helper()
	return servicetest.Deliver(t, h.API, event.OrderCreatedPending, event.OrderPlaced{
		OrderID: orderID, Version: 1, Items: []event.OrderLine{{ProductID: productID, Quantity: quantity}},
	})
}

// changeStatus delivers a status change of an order.
func (h harness) changeStatus(t *testing.T, orderID string, status event.Status) string {
	t.Helper()
	return servicetest.Deliver(t, h.API, event.OrderStatusChanged, event.OrderStatus{OrderID: orderID, Version: 9, Status: status})
}

// announced returns the outcomes published so far.
func (h harness) announced(t *testing.T) ([]event.StockReserved, []event.StockFailed) {
	t.Helper()
	return servicetest.Events(t, h.sidecar, component, event.InventoryStockReserved),
		servicetest.Events(t, h.sidecar, component, event.InventoryStockFailed)
}

func (h harness) wantAnnounced(t *testing.T, reserved, failed int) {
	t.Helper()
	successes, failures := h.announced(t)
	if len(successes) != reserved || len(failures) != failed {
		t.Errorf("got %d reserved and %d failed events, want %d and %d", len(successes), len(failures), reserved, failed)
	}
}

func wantResult(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRedeliveredOrderAnnouncesTheSameOutcome(t *testing.T) {
	h := newHarness(t)
	soup, orderID := h.addProduct(t, "Soup", 10), uuid.NewString()
	wantResult(t, h.placeOrder(t, orderID, soup.ID, 4), "SUCCESS")
	wantResult(t, h.placeOrder(t, orderID, soup.ID, 4), "SUCCESS")
	h.wantAnnounced(t, 2, 0)
	reserved, _ := h.announced(t)
	first := reserved[0]
	if first.OrderID != orderID || first.Version != 1 || first.TotalCents != 4000 || first.Currency != "EUR" ||
		first.Items[0].Name != "Soup" {
		t.Errorf("got %+v, want version 1 with Soup for 4000 EUR", first)
	}
	if again := reserved[1]; again.TotalCents != first.TotalCents || again.Version != first.Version {
		t.Errorf("got %+v, want %+v", again, first)
	}
	var document Announcement
	var raw []byte
	if err := h.pool.QueryRow(t.Context(), `select value from state where key = $1`, "reservation-"+orderID).Scan(&raw); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &document); err != nil || document.Times != 2 || document.State != Reserved {
		t.Errorf("got %s (%v), want RESERVED announced 2 times", raw, err)
	}
	h.store.wantStock(t, soup.ID, Stock{6, 4, 0})

	short := uuid.NewString()
	wantResult(t, h.placeOrder(t, short, soup.ID, 7), "SUCCESS")
	h.wantAnnounced(t, 2, 1)
	_, failed := h.announced(t)
	if failed[0].Reason != event.ReasonInsufficientStock ||
		failed[0].Shortages[0] != (event.Shortage{ProductID: soup.ID, Requested: 7, Available: 6}) {
		t.Errorf("got %+v, want a shortage of 7 with 6 available", failed[0])
	}
}

// countingSidecar counts failed writes. With unmodified daprd each of them blocks a partition of the outbox.
type countingSidecar struct {
	*servicetest.Sidecar
	failed atomic.Int32
}

func (c *countingSidecar) ExecuteStateTransaction(ctx context.Context, store string, meta map[string]string,
	ops []*dapr.StateOperation) error {
	err := c.Sidecar.ExecuteStateTransaction(ctx, store, meta, ops)
	if err != nil {
		c.failed.Add(1)
	}
	return err
}

func TestEachDecisionIsCountedOnce(t *testing.T) {
	h := newHarness(t)
	soup, tea := h.addProduct(t, "Soup", 10), h.addProduct(t, "Tea", 1)
	reserved, failed, cancelledFirst := uuid.NewString(), uuid.NewString(), uuid.NewString()
	h.changeStatus(t, cancelledFirst, event.StatusCancelled)
	for range 2 {
		h.placeOrder(t, reserved, soup.ID, 4)
		h.placeOrder(t, cancelledFirst, soup.ID, 4)
		tooMany := event.OrderPlaced{OrderID: failed, Version: 1, Items: []event.OrderLine{
			{ProductID: soup.ID, Quantity: 100}, {ProductID: tea.ID, Quantity: 2}}}
		wantResult(t, servicetest.Deliver(t, h.API, event.OrderCreatedPending, tooMany), "SUCCESS")
	}
	servicetest.WantMetrics(t, h.metrics, `comanda_reservations_total{outcome="reserved"} 1`,
		`comanda_reservations_total{outcome="failed"} 1`,
		"comanda_stock_rejections_total 2")
}

func TestConcurrentDeliveriesOfOneOrderDoNotConflict(t *testing.T) {
	s := newStore(t)
	sidecar := &countingSidecar{Sidecar: servicetest.NewSidecar(s.pool)}
	log := slog.New(slog.DiscardHandler)
	svc := service{s, newAnnouncer(sidecar, time.Now), new(orderLocks), newMetrics(nil, log),
		timeline.Repeats{Pool: s.pool, Log: log, Actor: "product"}, "EUR", servicetest.Cursors, log}
	soup := s.addProduct(t, "Soup", 10)
	var placed event.Received[event.OrderPlaced]
	placed.Data = event.OrderPlaced{OrderID: uuid.NewString(), Items: []event.OrderLine{{ProductID: soup.ID, Quantity: 4}}}
	for _, err := range runConcurrently(8, func(int) error { return svc.orderPlaced(context.Background(), placed) }) {
		if err != nil {
			t.Error(err)
		}
	}
	if events := servicetest.Events(t, sidecar.Sidecar, component, event.InventoryStockReserved); len(events) != 8 ||
		sidecar.failed.Load() != 0 {
		t.Errorf("got %d events and %d failed writes, want 8 and 0", len(events), sidecar.failed.Load())
	}
	s.wantStock(t, soup.ID, Stock{6, 4, 0})
}

func TestRedeliveryAnnouncesAnOutcomeThatWasOnlyInTheTables(t *testing.T) {
	h := newHarness(t)
	soup, orderID := h.addProduct(t, "Soup", 10), uuid.NewString()
	h.sidecar.Away(true)
	wantResult(t, h.placeOrder(t, orderID, soup.ID, 4), "RETRY")
	h.store.wantStock(t, soup.ID, Stock{6, 4, 0})
	h.wantAnnounced(t, 0, 0)
	h.sidecar.Away(false)
	wantResult(t, h.placeOrder(t, orderID, soup.ID, 4), "SUCCESS")
	h.store.wantStock(t, soup.ID, Stock{6, 4, 0})
	h.wantAnnounced(t, 1, 0)
}

func TestLostSidecarResponseIsNotAFailure(t *testing.T) {
	h := newHarness(t)
	soup := h.addProduct(t, "Soup", 10)
	h.sidecar.LoseNextAnswer()
	wantResult(t, h.placeOrder(t, uuid.NewString(), soup.ID, 4), "SUCCESS")
	h.wantAnnounced(t, 1, 0)
}

// An order that has ended and is announced again is PENDING again, because order's database was restored from an older copy. It gets an
// answer, or else it would be given up: a delivered order its outcome, a cancelled one that it was cancelled.
func TestEndedOrdersAreAnsweredAgain(t *testing.T) {
	h := newHarness(t)
	soup := h.addProduct(t, "Soup", 10)
	cancelled, delivered, cancelledFirst := uuid.NewString(), uuid.NewString(), uuid.NewString()
	wantResult(t, h.placeOrder(t, cancelled, soup.ID, 1), "SUCCESS")
	wantResult(t, h.placeOrder(t, delivered, soup.ID, 2), "SUCCESS")
	for range 2 {
		wantResult(t, h.changeStatus(t, cancelled, event.StatusCancelled), "SUCCESS")
		wantResult(t, h.changeStatus(t, delivered, event.StatusDelivered), "SUCCESS")
		wantResult(t, h.changeStatus(t, cancelledFirst, event.StatusCancelled), "SUCCESS")
	}
	h.wantAnnounced(t, 2, 0)
	for _, orderID := range []string{cancelled, cancelledFirst} {
		wantResult(t, h.placeOrder(t, orderID, soup.ID, 1), "SUCCESS")
		_, failed := h.announced(t)
		if last := failed[len(failed)-1]; last.OrderID != orderID || last.Reason != event.ReasonReleased || last.Version != 1 {
			t.Errorf("got the answer %+v, want %s for order %s", last, event.ReasonReleased, orderID)
		}
	}
	h.wantAnnounced(t, 2, 2)
	wantResult(t, h.placeOrder(t, delivered, soup.ID, 2), "SUCCESS")
	h.wantAnnounced(t, 3, 2)
	h.store.wantStock(t, soup.ID, Stock{8, 0, 2})
}

func TestOtherStatusesDoNotChangeTheStock(t *testing.T) {
	h := newHarness(t)
	soup, orderID := h.addProduct(t, "Soup", 10), uuid.NewString()
	wantResult(t, h.placeOrder(t, orderID, soup.ID, 1), "SUCCESS")
	for _, status := range []event.Status{event.StatusConfirmed, event.StatusRejected, event.StatusPreparing, event.StatusReady,
		event.StatusOutForDelivery, "SOMETHING_NEW"} {
		wantResult(t, h.changeStatus(t, orderID, status), "SUCCESS")
	}
	h.store.wantStock(t, soup.ID, Stock{9, 1, 0})
}

func TestInvalidEventsBecomeDeadLetters(t *testing.T) {
	h := newHarness(t)
	soup, failed, delivered := h.addProduct(t, "Soup", 10), uuid.NewString(), uuid.NewString()
	wantResult(t, h.placeOrder(t, "no id", soup.ID, 1), "DROP")
	wantResult(t, h.placeOrder(t, uuid.NewString(), "no id", 1), "DROP")
	wantResult(t, h.placeOrder(t, uuid.NewString(), soup.ID, 0), "DROP")
	wantResult(t, h.changeStatus(t, "no id", event.StatusCancelled), "DROP")
	wantResult(t, h.placeOrder(t, failed, soup.ID, 11), "SUCCESS")
	wantResult(t, h.changeStatus(t, failed, event.StatusDelivered), "DROP")
	wantResult(t, h.placeOrder(t, delivered, soup.ID, 1), "SUCCESS")
	wantResult(t, h.changeStatus(t, delivered, event.StatusDelivered), "SUCCESS")
	wantResult(t, h.changeStatus(t, delivered, event.StatusCancelled), "DROP")
	// The order may still arrive, for example after a database restore
	wantResult(t, h.changeStatus(t, uuid.NewString(), event.StatusDelivered), "RETRY")
	h.store.wantStock(t, soup.ID, Stock{9, 0, 1})
}

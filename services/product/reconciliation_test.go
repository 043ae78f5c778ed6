package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
)

var reconcileTiming = recovery.ReconciliationTiming{After: 30 * time.Minute, Every: time.Minute, UnknownAfter: 72 * time.Hour}

// reconciled is a store with reservations, and an order service that answers for their orders.
type reconciled struct {
	store
	*reconciler
	order   *servicetest.Standings
	metrics *prometheus.Registry
}

func newReconciled(t *testing.T) reconciled {
	t.Helper()
	s, registry, log := newStore(t), prometheus.NewRegistry(), slog.New(slog.DiscardHandler)
	order := servicetest.NewStandings(t, "order")
	return reconciled{s, &reconciler{store: s, metrics: newMetrics(registry, log), timing: reconcileTiming, invoker: order.Invoker, log: log},
		order, registry}
}

// reserveFor reserves one piece for a new order. The service order answers with status, or does not know the order if status is "".
func (h reconciled) reserveFor(t *testing.T, product, status string) string {
	t.Helper()
	id := uuid.NewString()
	if status != "" {
		h.order.Statuses[id] = status
	}
	if got := h.reserve(t, id, Line{product, 1}); got != Reserved {
		t.Fatalf("got %s, want RESERVED", got)
	}
	return id
}

// later makes all reservations older, and the times since when their orders are unknown.
func (h reconciled) later(t *testing.T, d time.Duration) {
	t.Helper()
	_, err := h.pool.Exec(t.Context(), `update reservations set updated_at = updated_at - $1::interval, unknown_since = unknown_since - $1::interval`, d)
	if err != nil {
		t.Fatal(err)
	}
}

func (h reconciled) round(t *testing.T) {
	t.Helper()
	if err := h.runRound(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// If the last event of an order was lost, its stock is released or marked as sold.
func TestLostEventsAreReconciled(t *testing.T) {
	h := newReconciled(t)
	soup := h.addProduct(t, "Soup", 10)
	for _, status := range []string{"CANCELLED", "REJECTED", "DELIVERED", "PENDING", "CONFIRMED", "OUT_FOR_DELIVERY"} {
		h.reserveFor(t, soup.ID, status)
	}
	h.later(t, reconcileTiming.After-time.Minute)
	h.round(t)
	if len(h.order.Asked) != 0 {
		t.Errorf("asked for %d young reservations, want none", len(h.order.Asked))
	}
	h.later(t, time.Minute)
	h.order.Away = true
	if err := h.runRound(t.Context()); err == nil {
		t.Error("order is away: got no error, want one")
	}
	h.wantStock(t, soup.ID, Stock{4, 6, 0})
	h.order.Away = false
	for range 2 {
		h.round(t)
		h.wantStock(t, soup.ID, Stock{6, 3, 1})
	}
	servicetest.WantMetrics(t, h.metrics, `comanda_reconciled_total{step="ended"} 2`, `comanda_reconciled_total{step="completed"} 1`,
		`comanda_reconciled_total{step="unknown"} 0`)
}

// The service order may have lost an order for a while: its database is restored from an older copy, and then from a better one. Only an
// order that stays unknown gives its stock back.
func TestStockOfUnknownOrdersReturnsAfterAPeriod(t *testing.T) {
	h := newReconciled(t)
	soup := h.addProduct(t, "Soup", 10)
	lost, back := h.reserveFor(t, soup.ID, ""), h.reserveFor(t, soup.ID, "")
	h.later(t, 1000*time.Hour) // how old the reservation is does not matter
	h.round(t)
	h.later(t, reconcileTiming.UnknownAfter-time.Minute)
	h.round(t)
	h.wantStock(t, soup.ID, Stock{8, 2, 0})
	h.order.Statuses[back] = "CONFIRMED"
	h.round(t)
	delete(h.order.Statuses, back) // the period begins again
	h.later(t, time.Minute)
	h.round(t)
	h.wantStock(t, soup.ID, Stock{9, 1, 0})
	if known, err := h.Reservation(t, lost); err != nil || known != Released {
		t.Errorf("got %s, %v, want the lost order's stock RELEASED", known, err)
	}
	servicetest.WantMetrics(t, h.metrics, `comanda_reconciled_total{step="unknown"} 1`)
}

// Reservation returns the state of an order's reservation.
func (h reconciled) Reservation(t *testing.T, orderID string) (state State, err error) {
	t.Helper()
	err = h.pool.QueryRow(t.Context(), `select state from reservations where order_id = $1`, orderID).Scan(&state)
	return state, err
}

func TestReconciliationReadsEveryPage(t *testing.T) {
	h := newReconciled(t)
	soup := h.addProduct(t, "Soup", 1000)
	for i := range 2*recovery.MaxStandings + 1 {
		status := "CONFIRMED"
		if i == 2*recovery.MaxStandings {
			status = "CANCELLED"
		}
		h.reserveFor(t, soup.ID, status)
	}
	// All reservations get one time, so pages end between ids.
	if _, err := h.pool.Exec(t.Context(), `update reservations set updated_at = now() - interval '1 hour'`); err != nil {
		t.Fatal(err)
	}
	h.round(t)
	if len(h.order.Asked) != 2*recovery.MaxStandings+1 {
		t.Errorf("asked for %d orders, want each once: %d", len(h.order.Asked), 2*recovery.MaxStandings+1)
	}
	h.wantStock(t, soup.ID, Stock{800, 200, 0})
}

// A round that ends early is continued by the next one, which does not begin at the oldest reservation again: otherwise the newest of very
// many would never be compared.
func TestReconciliationContinuesWhereItEnded(t *testing.T) {
	h := newReconciled(t)
	soup := h.addProduct(t, "Soup", 1000)
	for range recovery.MaxStandings + 1 {
		h.reserveFor(t, soup.ID, "CONFIRMED")
	}
	h.later(t, time.Hour)
	h.order.AwayAfter = recovery.MaxStandings
	if err := h.runRound(t.Context()); err == nil {
		t.Error("order is away after the first page: got no error, want one")
	}
	h.order.AwayAfter = 0
	for _, want := range []int{1, recovery.MaxStandings + 1} { // the rest, and then all from the front
		h.order.Asked = nil
		if h.round(t); len(h.order.Asked) != want {
			t.Errorf("asked for %d orders, want %d", len(h.order.Asked), want)
		}
	}
}

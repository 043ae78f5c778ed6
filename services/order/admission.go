package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/internal/fault"
)

const (
	// countEvery is the interval at which the PENDING orders are counted.
	countEvery = 250 * time.Millisecond
	// countTimeout limits a count: a slow database must not slow down orders further.
	countTimeout = time.Second
	// admissionRetry is the pause after which a refused customer may try again.
	admissionRetry = 5 * time.Second
)

// admission refuses new orders while too many are PENDING. Accepting an order costs less than deciding it. Without a bound, overloaded
// services would accept more and more orders and decide each later than the one before. All replicas count the same orders.
type admission struct {
	most    int
	count   func(context.Context) (int, error) // the PENDING orders of all replicas
	log     *slog.Logger
	now     func() time.Time
	refused prometheus.Counter

	mu      sync.Mutex
	counted time.Time // when the last count began
	pending int       // the last count, plus the orders that this replica has admitted since
}

func newAdmission(most int, lists lists, now func() time.Time, log *slog.Logger, registry prometheus.Registerer) *admission {
	return &admission{
		most: most, log: log, now: now,
		count: func(ctx context.Context) (int, error) {
			backlog, err := lists.Backlog(ctx)
			return int(backlog.Count), err
		},
		refused: promauto.With(registry).NewCounter(prometheus.CounterOpts{
			Name: "comanda_orders_refused_total", Help: "Number of orders refused because too many were PENDING.",
		}),
	}
}

// admit returns Shed while too many orders are PENDING. If they cannot be counted, it relies on the last count.
func (a *admission) admit(ctx context.Context) error {
	if a.isDue() {
		a.recount(ctx)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pending >= a.most {
		a.refused.Inc()
		return fault.Shed(admissionRetry, "too many orders wait for their decision: try again in a few seconds")
	}
	a.pending++
	return nil
}

// isDue reports whether the caller has to count now. One caller in each countEvery has to; the others rely on the last count.
func (a *admission) isDue() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if elapsed := a.now().Sub(a.counted); elapsed >= 0 && elapsed < countEvery { // below 0 after a step of the clock
		return false
	}
	a.counted = a.now()
	return true
}

// recount counts the PENDING orders. If it fails, the last count stays.
func (a *admission) recount(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, countTimeout)
	defer cancel()
	pending, err := a.count(ctx)
	if err != nil {
		if ctx.Err() == nil {
			a.log.WarnContext(ctx, "cannot count the PENDING orders", "error", err)
		}
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending = pending
}

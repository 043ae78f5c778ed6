package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/internal/recovery"
	"comanda/services/internal/telemetry"
)

// metrics logs and counts the decisions about orders. Call RecordDecision once for each committed decision, never for
// replays.
type metrics struct {
	log        *slog.Logger
	decided    *prometheus.CounterVec
	linesShort prometheus.Counter
	reconciled *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer, log *slog.Logger) *metrics {
	factory := promauto.With(registry)
	return &metrics{
		log: log,
		decided: telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
			Name: "comanda_reservations_total", Help: "Number of reservation decisions, by outcome.",
		}, []string{"outcome"}), "reserved", "failed"),
		linesShort: factory.NewCounter(prometheus.CounterOpts{
			Name: "comanda_stock_rejections_total", Help: "Number of order lines that exceeded the available stock.",
		}),
		reconciled: recovery.NewReconciliationCounter(registry),
	}
}

// RecordDecision records a committed decision.
func (m *metrics) RecordDecision(ctx context.Context, r Reservation) {
	if r.Outcome.Reserved != nil {
		m.decided.WithLabelValues("reserved").Inc()
		m.log.InfoContext(ctx, "stock reserved", "orderId", r.OrderID, "lines", len(r.Outcome.Reserved.Items))
		return
	}
	short := len(r.Outcome.Failed.Shortages)
	m.decided.WithLabelValues("failed").Inc()
	m.linesShort.Add(float64(short))
	m.log.InfoContext(ctx, "stock refused", "orderId", r.OrderID, "reason", r.Outcome.Failed.Reason, "linesShort", short)
}

// RecordReconciled records that a reservation did not agree with its order and was mended.
func (m *metrics) RecordReconciled(ctx context.Context, orderID, step string) {
	m.reconciled.WithLabelValues(step).Inc()
	m.log.WarnContext(ctx, "reservation mended: the order's last event was lost, or order does not know the order", "orderId", orderID, "step", step)
}

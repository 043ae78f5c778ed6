package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/internal/telemetry"
)

// metrics tells how orders were decided: a line in the log, and what is counted. It is told of each decision once, not of
// its repetitions.
type metrics struct {
	log      *slog.Logger
	decided  *prometheus.CounterVec
	rejected prometheus.Counter
}

func newMetrics(registry prometheus.Registerer, log *slog.Logger) *metrics {
	factory := promauto.With(registry)
	return &metrics{
		log: log,
		decided: telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
			Name: "comanda_reservations_total", Help: "Orders decided, by outcome.",
		}, []string{"outcome"}), "reserved", "failed"),
		rejected: factory.NewCounter(prometheus.CounterOpts{
			Name: "comanda_stock_rejections_total", Help: "Lines of orders that fell short.",
		}),
	}
}

// RecordDecision tells of a decision that is recorded.
func (m *metrics) RecordDecision(ctx context.Context, r Reservation) {
	if r.Outcome.Reserved != nil {
		m.decided.WithLabelValues("reserved").Inc()
		m.log.InfoContext(ctx, "stock reserved", "orderId", r.OrderID, "lines", len(r.Outcome.Reserved.Items))
		return
	}
	short := len(r.Outcome.Failed.Shortages)
	m.decided.WithLabelValues("failed").Inc()
	m.rejected.Add(float64(short))
	m.log.InfoContext(ctx, "stock refused", "orderId", r.OrderID, "reason", r.Outcome.Failed.Reason, "linesShort", short)
}

package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/internal/metrics"
)

// journal tells how orders were decided: a line in the log, and what is counted. It is told of each decision once, not of
// its repetitions.
type journal struct {
	log      *slog.Logger
	decided  *prometheus.CounterVec
	rejected prometheus.Counter
}

func newJournal(registry prometheus.Registerer, log *slog.Logger) *journal {
	factory := promauto.With(registry)
	return &journal{
		log: log,
		decided: metrics.Known(factory.NewCounterVec(prometheus.CounterOpts{
			Name: "comanda_reservations_total", Help: "Orders decided, by outcome.",
		}, []string{"outcome"}), "reserved", "failed"),
		rejected: factory.NewCounter(prometheus.CounterOpts{
			Name: "comanda_stock_rejections_total", Help: "Lines of orders that fell short.",
		}),
	}
}

// Decided tells of a decision that is recorded.
func (j *journal) Decided(ctx context.Context, r Reservation) {
	if r.Outcome.Reserved != nil {
		j.decided.WithLabelValues("reserved").Inc()
		j.log.InfoContext(ctx, "stock reserved", "orderId", r.OrderID, "lines", len(r.Outcome.Reserved.Items))
		return
	}
	short := len(r.Outcome.Failed.Shortages)
	j.decided.WithLabelValues("failed").Inc()
	j.rejected.Add(float64(short))
	j.log.InfoContext(ctx, "stock refused", "orderId", r.OrderID, "reason", r.Outcome.Failed.Reason, "linesShort", short)
}

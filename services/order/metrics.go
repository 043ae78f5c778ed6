package main

import (
	"context"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/event"
	"comanda/services/internal/recovery"
	"comanda/services/internal/telemetry"
)

// metrics logs and counts the status changes of orders. Call its methods once for each committed change, never for replays.
// A write whose response is lost may go uncounted, because the retry finds the change already made.
type metrics struct {
	log       *slog.Logger
	entered   *prometheus.CounterVec
	decided   *prometheus.HistogramVec
	recovered *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer, log *slog.Logger) *metrics {
	factory := promauto.With(registry)
	m := &metrics{
		log: log,
		entered: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "comanda_orders_total", Help: "Number of orders that entered each status.",
		}, []string{"status"}),
		decided: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "comanda_order_decision_seconds", Help: "Time that orders were PENDING, by the status that followed.",
			Buckets: telemetry.SagaBuckets,
		}, []string{"outcome"}),
		recovered: telemetry.InitLabels(recovery.NewCounter(registry), stepExpired),
	}
	for _, status := range statuses() {
		telemetry.InitLabels(m.entered, string(status))
	}
	for _, outcome := range []event.Status{event.StatusConfirmed, event.StatusRejected, event.StatusCancelled} {
		m.decided.WithLabelValues(string(outcome))
	}
	return m
}

// RecordStatus records that an order entered its current status.
func (m *metrics) RecordStatus(ctx context.Context, o Order) {
	telemetry.SetOrder(ctx, o.ID)
	m.entered.WithLabelValues(string(o.Status)).Inc()
	if pending, decided := o.TimeToDecision(); decided {
		m.decided.WithLabelValues(string(o.Status)).Observe(pending.Seconds())
	}
	m.log.InfoContext(ctx, "order "+strings.ToLower(string(o.Status)), "orderId", o.ID, "status", o.Status, "version", o.Version)
}

// RecordExpired records that an order expired, because the kitchen never started it.
func (m *metrics) RecordExpired(ctx context.Context, o Order) {
	m.RecordStatus(ctx, o)
	m.recovered.WithLabelValues(stepExpired).Inc()
	m.log.WarnContext(ctx, "order expired: the kitchen never started it", "orderId", o.ID, "placed", o.CreatedAt)
}

// RecordRecovery records the step that the recovery took with an order.
func (m *metrics) RecordRecovery(ctx context.Context, o Order, step string) {
	level := slog.LevelInfo
	if step == recovery.GivenUp {
		level = slog.LevelWarn
		m.RecordStatus(ctx, o)
	}
	m.recovered.WithLabelValues(step).Inc()
	m.log.Log(ctx, level, "order was PENDING too long: "+strings.ReplaceAll(step, "_", " "),
		"orderId", o.ID, "placed", o.CreatedAt, "announced", o.Announced)
}

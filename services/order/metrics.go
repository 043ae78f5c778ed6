package main

import (
	"context"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/event"
	"comanda/services/internal/telemetry"
)

// metrics tells of the lives of orders: a line in the log, and what is counted. It is told of what has been written, once;
// of a repetition there is nothing to tell. (A write whose answer is lost may go uncounted: who asks again finds it done.)
type metrics struct {
	log       *slog.Logger
	entered   *prometheus.CounterVec
	decided   *prometheus.HistogramVec
	recovered *prometheus.CounterVec
}

// What the recovery does with an order that waits too long.
const (
	announcedAgain = "announced_again"
	givenUp        = "given_up"
)

func newMetrics(registry prometheus.Registerer, log *slog.Logger) *metrics {
	factory := promauto.With(registry)
	m := &metrics{
		log: log,
		entered: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "comanda_orders_total", Help: "Orders by the status they entered.",
		}, []string{"status"}),
		decided: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "comanda_order_decision_seconds", Help: "How long orders were PENDING, by what they became.", Buckets: telemetry.SagaBuckets,
		}, []string{"outcome"}),
		recovered: telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
			Name: "comanda_recovery_total", Help: "What the recovery did with orders that waited too long.",
		}, []string{"step"}), announcedAgain, givenUp),
	}
	for _, status := range statuses() {
		telemetry.InitLabels(m.entered, string(status))
	}
	for _, outcome := range []event.Status{event.StatusConfirmed, event.StatusRejected, event.StatusCancelled} {
		m.decided.WithLabelValues(string(outcome))
	}
	return m
}

// RecordStatus tells that an order has entered the status it now has.
func (m *metrics) RecordStatus(ctx context.Context, o Order) {
	telemetry.SetOrder(ctx, o.ID)
	m.entered.WithLabelValues(string(o.Status)).Inc()
	if waited, decided := o.Decided(); decided {
		m.decided.WithLabelValues(string(o.Status)).Observe(waited.Seconds())
	}
	m.log.InfoContext(ctx, "order "+strings.ToLower(string(o.Status)), "orderId", o.ID, "status", o.Status, "version", o.Version)
}

// RecordRecovery tells what the recovery did with an order.
func (m *metrics) RecordRecovery(ctx context.Context, o Order, step string) {
	level := slog.LevelInfo
	if step == givenUp {
		level = slog.LevelWarn
		m.RecordStatus(ctx, o)
	}
	m.recovered.WithLabelValues(step).Inc()
	m.log.Log(ctx, level, "an order waited too long: "+strings.ReplaceAll(step, "_", " "), "orderId", o.ID, "placed", o.CreatedAt, "announced", o.Announced)
}

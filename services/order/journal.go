package main

import (
	"context"
	"log/slog"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/event"
	"comanda/services/internal/metrics"
	"comanda/services/internal/observe"
)

// journal tells of the lives of orders: a line in the log, and what is counted. It is told of what has been written, once;
// of a repetition there is nothing to tell. (A write whose answer is lost may go uncounted: who asks again finds it done.)
type journal struct {
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

func newJournal(registry prometheus.Registerer, log *slog.Logger) *journal {
	factory := promauto.With(registry)
	j := &journal{
		log: log,
		entered: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "comanda_orders_total", Help: "Orders by the status they entered.",
		}, []string{"status"}),
		decided: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name: "comanda_order_decision_seconds", Help: "How long orders were PENDING, by what they became.", Buckets: metrics.Decision,
		}, []string{"outcome"}),
		recovered: metrics.Known(factory.NewCounterVec(prometheus.CounterOpts{
			Name: "comanda_recovery_total", Help: "What the recovery did with orders that waited too long.",
		}, []string{"step"}), announcedAgain, givenUp),
	}
	for _, status := range statuses() {
		metrics.Known(j.entered, string(status))
	}
	for _, outcome := range []event.Status{event.StatusConfirmed, event.StatusRejected, event.StatusCancelled} {
		j.decided.WithLabelValues(string(outcome))
	}
	return j
}

// Entered tells that an order has entered the status it now has.
func (j *journal) Entered(ctx context.Context, o Order) {
	observe.Order(ctx, o.ID)
	j.entered.WithLabelValues(string(o.Status)).Inc()
	if waited, decided := o.Decided(); decided {
		j.decided.WithLabelValues(string(o.Status)).Observe(waited.Seconds())
	}
	j.log.InfoContext(ctx, "order "+strings.ToLower(string(o.Status)), "orderId", o.ID, "status", o.Status, "version", o.Version)
}

// Recovered tells what the recovery did with an order.
func (j *journal) Recovered(ctx context.Context, o Order, step string) {
	level := slog.LevelInfo
	if step == givenUp {
		level = slog.LevelWarn
		j.Entered(ctx, o)
	}
	j.recovered.WithLabelValues(step).Inc()
	j.log.Log(ctx, level, "an order waited too long: "+strings.ReplaceAll(step, "_", " "), "orderId", o.ID, "placed", o.CreatedAt, "announced", o.Announced)
}

package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/internal/telemetry"
)

// registerMetrics registers the gateway's own metrics.
func (g *gateway) registerMetrics(registry prometheus.Registerer) {
	factory := promauto.With(registry)
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "comanda_tracking_watchers", Help: "Open order tracking streams.",
	}, func() float64 { return float64(g.hub.watcherCount()) })
	g.hub.refused = telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
		Name: "comanda_tracking_refused_total", Help: "Order tracking streams refused because a limit was reached, by limit.",
	}, []string{"limit"}), "total", "order", "account", "address")
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "comanda_waits", Help: "Requests that wait for a change because of Prefer: wait.",
	}, func() float64 { return float64(g.waits.places.Held()) })
	g.waits.refused = factory.NewCounter(prometheus.CounterOpts{
		Name: "comanda_waits_refused_total",
		Help: "Requests with Prefer: wait answered at once because too many requests were waiting.",
	})
	g.registerCalls(registry)
	limited := telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
		Name: "comanda_rate_limited_total", Help: "Requests refused by the rate limits of a client address, by limit.",
	}, []string{"limit"}), "requests", "login", "register")
	g.requests.refused = limited.WithLabelValues("requests")
	g.logins.refused = limited.WithLabelValues("login")
	g.registrations.refused = limited.WithLabelValues("register")
}

// registerCalls registers the metrics of the calls to each service.
func (g *gateway) registerCalls(registry prometheus.Registerer) {
	factory := promauto.With(registry)
	shed := factory.NewCounterVec(prometheus.CounterOpts{
		Name: "comanda_calls_shed_total", Help: "Requests refused because too many calls to their service were in flight, by service.",
	}, []string{"app"})
	for app, bound := range g.callBounds {
		bound.shed = shed.WithLabelValues(app)
		labels := prometheus.Labels{"app": app}
		factory.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "comanda_calls_in_flight", Help: "Calls to a service that have not ended, without those that wait.", ConstLabels: labels,
		}, func() float64 { inFlight, _ := bound.state(); return float64(inFlight) })
		factory.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "comanda_calls_bound", Help: "How many calls to a service may be in flight; it adapts.", ConstLabels: labels,
		}, func() float64 { _, limit := bound.state(); return limit })
	}
}

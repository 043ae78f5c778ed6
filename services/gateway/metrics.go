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
	limited := telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
		Name: "comanda_rate_limited_total", Help: "Requests refused by the rate limits of a client address, by limit.",
	}, []string{"limit"}), "requests", "login", "register")
	g.requests.refused = limited.WithLabelValues("requests")
	g.logins.refused = limited.WithLabelValues("login")
	g.registrations.refused = limited.WithLabelValues("register")
}

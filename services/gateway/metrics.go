package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/internal/telemetry"
)

// measure makes registry show what the gateway alone knows.
func (g *gateway) registerMetrics(registry prometheus.Registerer) {
	factory := promauto.With(registry)
	factory.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "comanda_tracking_watchers", Help: "Open streams of orders.",
	}, func() float64 { return float64(g.hub.watcherCount()) })
	limited := telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
		Name: "comanda_rate_limited_total", Help: "Requests refused because there were too many from one address, by limit.",
	}, []string{"limit"}), "requests", "login")
	g.requests.refused = limited.WithLabelValues("requests")
	g.logins.refused = limited.WithLabelValues("login")
}

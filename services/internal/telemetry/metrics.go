// Package metrics is what every service shows at /metrics for Prometheus (https://prometheus.io/docs/instrumenting/): a
// registry of its own, with the Go runtime and the process in it, the connections to its database and what waits there.
// What requests and events cost is measured by package observe, what a service does by the service itself.
//
// Labels have few values, all known beforehand: templates of routes and names of topics, never ids, paths or what a client
// says.
package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Bounds of histograms, in seconds.
var (
	// HandlingBuckets is for a request or an event: 1 ms to 10 s.
	HandlingBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	// SagaBuckets is for what a saga takes, from 5 ms when all is well to the 15 min after which it is given up.
	SagaBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 900}
)

// scrapeTimeout bounds the making of an answer. Prometheus gives up after 4 s (scrape_timeout in
// deploy/prometheus/prometheus.yml): before that we can still say why there is none.
const scrapeTimeout = 3 * time.Second

// NewRegistry makes a registry that knows the Go runtime and the process.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// MetricsHandler shows the registry. What cannot be had just now is left out.
func MetricsHandler(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 5, Timeout: scrapeTimeout,
	})
}

// InitLabels makes a counter show each of the values of its one label from the start: from nothing to 1 is no increase that
// Prometheus could see.
func InitLabels(counter *prometheus.CounterVec, values ...string) *prometheus.CounterVec {
	for _, value := range values {
		counter.WithLabelValues(value)
	}
	return counter
}

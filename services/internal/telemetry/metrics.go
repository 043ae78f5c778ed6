package telemetry

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Histogram buckets, in seconds.
var (
	// HandlingBuckets are for requests and events: 1 ms to 10 s.
	HandlingBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
	// SagaBuckets are for the duration of a saga: 5 ms, the usual time, to 15 min, when recovery gives it up.
	SagaBuckets = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 900}
)

// scrapeTimeout limits one scrape. It is shorter than the 4 s after which Prometheus gives up (scrape_timeout in
// deploy/prometheus/prometheus.yml), so that Prometheus still gets an error response.
const scrapeTimeout = 3 * time.Second

// NewRegistry returns a registry with the metrics of the Go runtime and the process.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// MetricsHandler serves the metrics of registry. Metrics that cannot be collected are left out.
func MetricsHandler(registry *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 5, Timeout: scrapeTimeout,
	})
}

// InitLabels initialises a counter to 0 for each value of its only label, because Prometheus' increase() misses the first
// sample of a series.
func InitLabels(counter *prometheus.CounterVec, values ...string) *prometheus.CounterVec {
	for _, value := range values {
		counter.WithLabelValues(value)
	}
	return counter
}

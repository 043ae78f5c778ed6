// Package metricstest reads metrics in tests as Prometheus does.
package servicetest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/telemetry"
)

// ScrapeMetrics is all that registry shows.
func ScrapeMetrics(t testing.TB, registry *prometheus.Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	telemetry.MetricsHandler(registry).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("the metrics answer %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// WantMetrics finds whole lines, such as `comanda_orders_total{status="PENDING"} 1`.
func WantMetrics(t testing.TB, registry *prometheus.Registry, lines ...string) {
	t.Helper()
	WantMetricsIn(t, ScrapeMetrics(t, registry), lines...)
}

// WantMetricsIn is WantMetrics for what was read already.
func WantMetricsIn(t testing.TB, shown string, lines ...string) {
	t.Helper()
	want(t, shown, lines, func(got, line string) bool { return got == line })
}

// WantMetricPrefixes finds lines that begin so: what is measured has no value that a test could know, as go_goroutines.
func WantMetricPrefixes(t testing.TB, registry *prometheus.Registry, prefixes ...string) {
	t.Helper()
	want(t, ScrapeMetrics(t, registry), prefixes, strings.HasPrefix)
}

func want(t testing.TB, shown string, lines []string, is func(got, line string) bool) {
	t.Helper()
	all := strings.Split(shown, "\n")
	for _, line := range lines {
		if slices.ContainsFunc(all, func(got string) bool { return is(got, line) }) {
			continue
		}
		name, _, _ := strings.Cut(line, " ")
		got := "nothing of the kind"
		for _, other := range all {
			if strings.HasPrefix(other, name+" ") {
				got = other
			}
		}
		t.Errorf("the metrics have no line %s, but %s", line, got)
	}
}

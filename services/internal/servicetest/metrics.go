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

// ScrapeMetrics returns the registry's metrics in Prometheus' text format.
func ScrapeMetrics(t testing.TB, registry *prometheus.Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	telemetry.MetricsHandler(registry).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("scraping the metrics: got %d %s, want 200", w.Code, w.Body)
	}
	return w.Body.String()
}

// WantMetrics fails the test unless the metrics have each of the whole lines, such as
// `comanda_orders_total{status="PENDING"} 1`.
func WantMetrics(t testing.TB, registry *prometheus.Registry, lines ...string) {
	t.Helper()
	WantMetricsIn(t, ScrapeMetrics(t, registry), lines...)
}

// WantMetricsIn is WantMetrics for metrics that have been scraped already.
func WantMetricsIn(t testing.TB, scraped string, lines ...string) {
	t.Helper()
	wantLines(t, scraped, lines, func(got, line string) bool { return got == line })
}

// WantMetricPrefixes fails the test unless the metrics have a line with each of the prefixes. It is for metrics whose value a
// test cannot know, such as go_goroutines.
func WantMetricPrefixes(t testing.TB, registry *prometheus.Registry, prefixes ...string) {
	t.Helper()
	wantLines(t, ScrapeMetrics(t, registry), prefixes, strings.HasPrefix)
}

func wantLines(t testing.TB, scraped string, lines []string, matches func(got, line string) bool) {
	t.Helper()
	all := strings.Split(scraped, "\n")
	for _, line := range lines {
		if slices.ContainsFunc(all, func(got string) bool { return matches(got, line) }) {
			continue
		}
		name, _, _ := strings.Cut(line, " ")
		got := "no line of this metric"
		for _, other := range all {
			if strings.HasPrefix(other, name+" ") {
				got = other
			}
		}
		t.Errorf("metrics: got %s, want %s", got, line)
	}
}

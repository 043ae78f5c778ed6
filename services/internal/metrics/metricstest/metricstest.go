// Package metricstest reads metrics in tests as Prometheus does.
package metricstest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/metrics"
)

// Shown is all that registry shows.
func Shown(t testing.TB, registry *prometheus.Registry) string {
	t.Helper()
	w := httptest.NewRecorder()
	metrics.Handler(registry).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("the metrics answer %d %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// Want finds lines that begin so, such as `comanda_orders_total{status="PENDING"} 1`.
func Want(t testing.TB, registry *prometheus.Registry, lines ...string) {
	t.Helper()
	shown := Shown(t, registry)
	for _, line := range lines {
		if strings.Contains(shown, "\n"+line) {
			continue
		}
		name, _, _ := strings.Cut(line, " ")
		got := "nothing of the kind"
		for other := range strings.Lines(shown) {
			if strings.HasPrefix(other, name+" ") {
				got = strings.TrimSpace(other)
			}
		}
		t.Errorf("the metrics have no line %s, but %s", line, got)
	}
}

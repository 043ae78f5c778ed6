package servicetest_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/servicetest"
)

// recorder records whether a test failed.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

func TestWantMetricsMatchesWholeLines(t *testing.T) {
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "things_total"})
	registry.MustRegister(counter)
	counter.Add(17)
	for want, found := range map[string]bool{"things_total 17": true, "things_total 1": false, "things_total": false,
		"hings_total 17": false} {
		lines := &recorder{TB: t}
		servicetest.WantMetrics(lines, registry, want)
		if lines.failed == found {
			t.Errorf("WantMetrics %q: got found %v, want %v", want, !lines.failed, found)
		}
	}
	prefixes := &recorder{TB: t}
	servicetest.WantMetricPrefixes(prefixes, registry, "things_total ")
	if prefixes.failed {
		t.Error("WantMetricPrefixes did not find the line with the prefix \"things_total \"")
	}
}

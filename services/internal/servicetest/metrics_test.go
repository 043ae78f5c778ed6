package servicetest_test

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/servicetest"
)

// ear hears whether a test would have failed.
type ear struct {
	testing.TB
	failed bool
}

func (e *ear) Helper()               {}
func (e *ear) Errorf(string, ...any) { e.failed = true }

// 17 is not 1.
func TestALineIsWanted(t *testing.T) {
	registry := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "things_total"})
	registry.MustRegister(counter)
	counter.Add(17)
	for want, found := range map[string]bool{"things_total 17": true, "things_total 1": false, "things_total": false, "hings_total 17": false} {
		whole := &ear{TB: t}
		servicetest.WantMetrics(whole, registry, want)
		if whole.failed == found {
			t.Errorf("Want %q: found %v", want, !whole.failed)
		}
	}
	begun := &ear{TB: t}
	servicetest.WantMetricPrefixes(begun, registry, "things_total ")
	if begun.failed {
		t.Error("a line that begins so is not found")
	}
}

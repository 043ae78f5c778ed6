package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/database"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/telemetry"
)

func TestRegistryHasRuntimeAndProcessMetrics(t *testing.T) {
	servicetest.WantMetricPrefixes(t, telemetry.NewRegistry(), "go_goroutines ", "process_resident_memory_bytes ")
}

func TestPoolMetrics(t *testing.T) {
	pool, err := database.Open("postgres://user:secret@127.0.0.1:1/things")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	registry := telemetry.NewRegistry()
	telemetry.RegisterPool(registry, pool)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pool.Acquire(canceled); err == nil { // like a request that times out while all connections are in use
		t.Fatal("acquired a connection, want an error")
	}
	servicetest.WantMetrics(t, registry, `comanda_db_connections{state="acquired"} 0`, `comanda_db_connections{state="idle"} 0`,
		`comanda_db_connections{state="constructing"} 0`, "comanda_db_connections_max 10",
		"comanda_db_acquire_wait_seconds_total 0", "comanda_db_acquire_total 0", "comanda_db_acquire_canceled_total 1")
}

// slow is a collector that takes longer than any scrape.
type slow struct{}

func (slow) Describe(descs chan<- *prometheus.Desc) {
	descs <- prometheus.NewDesc("slow", "Slow.", nil, nil)
}
func (slow) Collect(chan<- prometheus.Metric) { time.Sleep(time.Hour) } // on synctest's clock

func TestAScrapeTimesOutBeforePrometheusGivesUp(t *testing.T) {
	text, err := os.ReadFile("../../../deploy/prometheus/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\s*scrape_timeout: (\S+)`).FindSubmatch(text)
	if found == nil {
		t.Fatal("prometheus.yml has no scrape_timeout")
	}
	timeout, err := time.ParseDuration(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		registry.MustRegister(slow{})
		start, response := time.Now(), httptest.NewRecorder()
		telemetry.MetricsHandler(registry).ServeHTTP(response, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if took := time.Since(start); took >= timeout || response.Code != http.StatusServiceUnavailable {
			t.Errorf("got %d after %v, want 503 in less than Prometheus' timeout of %v", response.Code, took, timeout)
		}
		time.Sleep(2 * time.Hour) // synctest requires that the collector's goroutine ends
	})
}

func TestBacklogMetrics(t *testing.T) {
	backlog, err := telemetry.Backlog{}, error(nil)
	newRegistry := func() *prometheus.Registry {
		registry := telemetry.NewRegistry()
		telemetry.RegisterBacklog(registry, "comanda_orders_pending", "Orders that wait.",
			func(context.Context) (telemetry.Backlog, error) { return backlog, err })
		return registry
	}
	servicetest.WantMetrics(t, newRegistry(), "comanda_orders_pending 0", "comanda_orders_pending_oldest_seconds 0")

	backlog = telemetry.Backlog{Count: 3, Oldest: time.Now().Add(-2 * time.Minute)}
	servicetest.WantMetrics(t, newRegistry(), "comanda_orders_pending 3")
	servicetest.WantMetricPrefixes(t, newRegistry(), "comanda_orders_pending_oldest_seconds 120.")

	err = errors.New("the database is away")
	if scraped := servicetest.ScrapeMetrics(t, newRegistry()); strings.Contains(scraped, "comanda_orders_pending") ||
		!strings.Contains(scraped, "go_goroutines") {
		t.Errorf("while the query fails: want only the other metrics, got\n%s", scraped)
	}
}

func TestFrequentScrapesShareOneBacklogQuery(t *testing.T) {
	queries := 0
	registry := telemetry.NewRegistry()
	telemetry.RegisterBacklog(registry, "x", "X.", func(ctx context.Context) (telemetry.Backlog, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the query's context has no deadline")
		}
		queries++
		return telemetry.Backlog{}, nil
	})
	for range 5 {
		servicetest.ScrapeMetrics(t, registry)
	}
	if queries != 1 {
		t.Errorf("got %d queries for 5 scrapes, want 1", queries)
	}
}

func TestInitLabelsStartsEachLabelAtZero(t *testing.T) {
	registry := telemetry.NewRegistry()
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "things_total"}, []string{"kind"})
	registry.MustRegister(telemetry.InitLabels(counter, "good", "bad"))
	servicetest.WantMetrics(t, registry, `things_total{kind="bad"} 0`, `things_total{kind="good"} 0`)
}

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

func TestEveryProcessShowsItself(t *testing.T) {
	servicetest.WantMetricPrefixes(t, telemetry.NewRegistry(), "go_goroutines ", "process_resident_memory_bytes ")
}

func TestThePoolShows(t *testing.T) {
	pool, err := database.Open("postgres://somebody:secret@127.0.0.1:1/things")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	registry := telemetry.NewRegistry()
	telemetry.RegisterPool(registry, pool)
	soon, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pool.Acquire(soon); err == nil { // as by a request whose time is up while all are in use
		t.Fatal("there is a connection to nowhere")
	}
	servicetest.WantMetrics(t, registry, `comanda_db_connections{state="acquired"} 0`, `comanda_db_connections{state="idle"} 0`,
		`comanda_db_connections{state="constructing"} 0`, "comanda_db_connections_max 10",
		"comanda_db_acquire_wait_seconds_total 0", "comanda_db_acquire_total 0", "comanda_db_acquire_canceled_total 1")
}

// slow is a collector that does not come to an end while anybody waits.
type slow struct{}

func (slow) Describe(descs chan<- *prometheus.Desc) {
	descs <- prometheus.NewDesc("slow", "Slow.", nil, nil)
}
func (slow) Collect(chan<- prometheus.Metric) { time.Sleep(time.Hour) } // on the bubble's clock

// Prometheus hears that there is no answer before it hangs up.
func TestAnAnswerEndsBeforePrometheusGivesUp(t *testing.T) {
	text, err := os.ReadFile("../../../deploy/prometheus/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^\s*scrape_timeout: (\S+)`).FindSubmatch(text)
	if found == nil {
		t.Fatal("prometheus.yml has no scrape_timeout")
	}
	patience, err := time.ParseDuration(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		registry.MustRegister(slow{})
		begun, answer := time.Now(), httptest.NewRecorder()
		telemetry.MetricsHandler(registry).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		if took := time.Since(begun); took >= patience || answer.Code != http.StatusServiceUnavailable {
			t.Errorf("%d after %v, Prometheus waits for %v", answer.Code, took, patience)
		}
		time.Sleep(2 * time.Hour) // the bubble ends with all that is in it
	})
}

func TestWhatWaitsShows(t *testing.T) {
	answer, err := telemetry.Backlog{}, error(nil)
	fresh := func() *prometheus.Registry {
		registry := telemetry.NewRegistry()
		telemetry.RegisterBacklog(registry, "comanda_orders_pending", "Orders that wait.", func(context.Context) (telemetry.Backlog, error) { return answer, err })
		return registry
	}
	servicetest.WantMetrics(t, fresh(), "comanda_orders_pending 0", "comanda_orders_pending_oldest_seconds 0")

	answer = telemetry.Backlog{Count: 3, Oldest: time.Now().Add(-2 * time.Minute)}
	servicetest.WantMetrics(t, fresh(), "comanda_orders_pending 3")
	servicetest.WantMetricPrefixes(t, fresh(), "comanda_orders_pending_oldest_seconds 120.")

	err = errors.New("the database is away")
	if shown := servicetest.ScrapeMetrics(t, fresh()); strings.Contains(shown, "comanda_orders_pending") || !strings.Contains(shown, "go_goroutines") {
		t.Errorf("while it cannot be known:\n%s", shown)
	}
}

// Many who read at once ask the database once.
func TestManyReadersAskOnce(t *testing.T) {
	asked := 0
	registry := telemetry.NewRegistry()
	telemetry.RegisterBacklog(registry, "x", "X.", func(ctx context.Context) (telemetry.Backlog, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("it may take for ever")
		}
		asked++
		return telemetry.Backlog{}, nil
	})
	for range 5 {
		servicetest.ScrapeMetrics(t, registry)
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestKnownValuesShowFromTheStart(t *testing.T) {
	registry := telemetry.NewRegistry()
	counter := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "things_total"}, []string{"kind"})
	registry.MustRegister(telemetry.InitLabels(counter, "good", "bad"))
	servicetest.WantMetrics(t, registry, `things_total{kind="bad"} 0`, `things_total{kind="good"} 0`)
}

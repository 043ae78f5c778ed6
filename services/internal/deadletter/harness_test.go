package deadletter

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/token"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

const (
	topic  = "order.status.changed"
	trace  = "a539ee08c2eb3efd1177400f1eb29e1b"
	parent = "00-" + trace + "-59bff7966c97f048-01"
)

var admin = servicetest.Person{ID: uuid.NewString(), Roles: []string{token.Admin}}

// harness has the dead letters of product, whose only handler is that of order.status.changed.
type harness struct {
	servicetest.API
	*Letters
	pool    *pgxpool.Pool
	clock   *servicetest.Clock
	metrics *prometheus.Registry

	result  error    // of the handler
	handled []string // the traces in which it was called
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	h := &harness{metrics: prometheus.NewRegistry(), clock: servicetest.NewClock(time.Now())}
	h.pool = servicetest.NewDatabase(t, fstest.MapFS{"migrations/00001_none.sql": {Data: []byte("-- +goose Up\nselect 1;\n")}})
	h.Letters = New("product", h.pool, log, h.metrics)
	h.attempts = newAttempts(h.clock.Now)
	handler := consumer.On(event.OrderStatusChanged, func(ctx context.Context, _ event.Received[event.OrderStatus]) error {
		h.handled = append(h.handled, telemetry.TraceID(ctx))
		if h.result != nil && h.result.Error() == "panic" {
			panic("a bug")
		}
		return h.result
	})
	h.SetTable(consumer.Table{Keys: servicetest.EventKeys, Routes: []consumer.Route{handler}})
	h.API = servicetest.NewAPI(h.Routes(), nil)
	return h
}

// genuine returns an event that its publisher has signed, with a trace.
func genuine(t *testing.T, id, subject string) []byte {
	t.Helper()
	const kind, data = topic + ".v1", `{"orderId":"o1","version":2,"status":"READY"}`
	return []byte(fmt.Sprintf(`{"id":%q,"type":%q,"source":"order","subject":%q,"traceparent":%q,"data":%s,"signature":%q}`, id, kind, subject, parent,
		data, servicetest.SignEvent(t, topic, kind, subject, []byte(data))))
}

// store stores a record of the topic on.
func (h *harness) store(t *testing.T, on string, payload []byte) {
	t.Helper()
	if err := h.Store(t.Context(), consumer.Record{Topic: on, Key: "k\x00\xff", Payload: payload}); err != nil {
		t.Fatalf("store %q: %v", payload, err)
	}
}

// list returns the letters that have not ended, as an admin sees them.
func (h *harness) list(t *testing.T) []Letter {
	t.Helper()
	return servicetest.Decode[rest.List[Letter]](t, h.Request(t, admin, "GET", "/dead-letters", ""), 200).Items
}

func (h *harness) show(t *testing.T, id string) Letter {
	t.Helper()
	return servicetest.Decode[Letter](t, h.Request(t, admin, "GET", "/dead-letters/"+id, ""), 200)
}

// run runs one round of replays. It first makes every letter due that the service replays by itself.
func (h *harness) run(t *testing.T) {
	t.Helper()
	if _, err := h.pool.Exec(t.Context(), `update dead_letters set due_at = now() where due_at is not null`); err != nil {
		t.Fatal(err)
	}
	if err := h.replayDue(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// audited returns the acts on a letter and their actors, oldest first, without the reads.
func (h *harness) audited(t *testing.T, id string) []string {
	t.Helper()
	return slices.DeleteFunc(h.trail(t, id), func(act string) bool { return strings.HasPrefix(act, "dead_letter.read ") })
}

// trail returns all acts on a letter and their actors, oldest first.
func (h *harness) trail(t *testing.T, id string) (acts []string) {
	t.Helper()
	rows, _ := h.pool.Query(t.Context(), `select action || ' ' || coalesce(actor::text, 'system') from audit where subject = $1 order by seq`, id)
	for rows.Next() {
		var act string
		if err := rows.Scan(&act); err != nil {
			t.Fatal(err)
		}
		acts = append(acts, act)
	}
	return acts
}

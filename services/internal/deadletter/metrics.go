package deadletter

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"comanda/services/internal/telemetry"
)

// metrics counts stored dead letters, and their replays by outcome.
type metrics struct {
	stored  prometheus.Counter
	replays *prometheus.CounterVec
}

func newMetrics(registry prometheus.Registerer) *metrics {
	factory := promauto.With(registry)
	return &metrics{
		stored: factory.NewCounter(prometheus.CounterOpts{
			Name: "comanda_dead_letters_stored_total", Help: "Number of dead letters that the service stored.",
		}),
		replays: telemetry.InitLabels(factory.NewCounterVec(prometheus.CounterOpts{
			Name: "comanda_dead_letter_replays_total",
			Help: "Number of replays by outcome: done, failed (replayed again later) or rejected (waits for an admin).",
		}, []string{"outcome"}), "done", "failed", "rejected"),
	}
}

func (m *metrics) countReplay(outcome string) { m.replays.WithLabelValues(outcome).Inc() }

// maxCounted bounds the count of letters, so that the query stays fast.
const maxCounted = 10_000

// ReplayingBacklog returns the backlog of the letters that the service replays by itself.
func (l *Letters) ReplayingBacklog(ctx context.Context) (telemetry.Backlog, error) {
	return l.backlog(ctx, "due_at is not null")
}

// WaitingBacklog returns the backlog of the letters that wait for an admin.
func (l *Letters) WaitingBacklog(ctx context.Context) (telemetry.Backlog, error) {
	return l.backlog(ctx, "due_at is null")
}

func (l *Letters) backlog(ctx context.Context, condition string) (b telemetry.Backlog, err error) {
	err = l.pool.QueryRow(ctx, `select count(*), coalesce(min(at), now()) from (
		select at from dead_letters where ended_at is null and `+condition+` order by at, id limit $1) as counted`, maxCounted).
		Scan(&b.Count, &b.Oldest)
	return b, err
}

package timeline

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Repeats counts duplicates and late events, which changed nothing, in the table repeats of a service's database.
type Repeats struct {
	Pool  *pgxpool.Pool
	Log   *slog.Logger
	Actor string // the service
}

// Count records s for the aggregate with the id subject. It writes no document, so it publishes nothing. It only logs a failure:
// an event that was handled must not be delivered again because of a missing count.
func (r Repeats) Count(ctx context.Context, subject string, s Step) {
	_, err := r.Pool.Exec(ctx, `insert into repeats as r (subject, step, status, cause_kind, cause_id, first_at, last_at, count)
		values ($1, $2, $3, $4, $5, $6, $6, 1)
		on conflict (subject, step) do update set status = excluded.status, cause_kind = excluded.cause_kind,
			cause_id = excluded.cause_id, last_at = greatest(r.last_at, excluded.last_at), count = r.count + 1`,
		subject, s.Step, s.Status, s.Cause.Kind, s.Cause.ID, s.At)
	if err != nil && ctx.Err() == nil {
		r.Log.WarnContext(ctx, "a repetition is missing in the timeline", "subject", subject, "step", s.Step, "error", err)
	}
}

// Of returns the counted steps of one aggregate, oldest first. Their actor is the service.
func (r Repeats) Of(ctx context.Context, subject string) ([]Step, error) {
	rows, err := r.Pool.Query(ctx, `select step, status, cause_kind, cause_id, first_at, last_at, count from repeats
		where subject = $1 order by first_at, step`, subject)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Step, error) {
		s := Step{Actor: Actor{Role: r.Actor}}
		var last time.Time
		err := row.Scan(&s.Step, &s.Status, &s.Cause.Kind, &s.Cause.ID, &s.At, &last, &s.Count)
		s.At, last = s.At.UTC(), last.UTC()
		if s.Count > 1 {
			s.LastAt = last
		}
		return s, err
	})
}

// Forget deletes the counts of an aggregate whose person is erased.
func (r Repeats) Forget(ctx context.Context, subject string) error {
	_, err := r.Pool.Exec(ctx, `delete from repeats where subject = $1`, subject)
	return err
}

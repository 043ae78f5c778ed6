package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Outboxes finds events that were committed but not published: late ones, and ones that a sidecar has set aside because no broker
// would accept them. To mend the latter, it releases them: the sidecar tries again, and sets them aside again if they are still refused.
func (d Databases) Outboxes(ctx context.Context, rest time.Duration) (found []Problem, err error) {
	for _, service := range slices.Sorted(maps.Keys(d)) {
		var late, dead int
		var reason string
		err := d[service].QueryRow(ctx, `
			select count(*) filter (where left(key, 12) = 'outbox-due||' and created_at <= now() - make_interval(secs => $1)),
			       count(*) filter (where left(key, 13) = 'outbox-dead||'),
			       coalesce(min(doc(value)->'refused'->>'reason') filter (where left(key, 13) = 'outbox-dead||'), 'no reason is recorded')
			from state where left(key, 12) = 'outbox-due||' or left(key, 13) = 'outbox-dead||'`, rest.Seconds()).Scan(&late, &dead, &reason)
		if err != nil {
			return nil, fmt.Errorf("outbox of %s: %w", service, err)
		}
		if late > 0 {
			found = append(found, Problem{Kind: "outbox", Detail: fmt.Sprintf("%s: %d events wait for longer than %v (runbook outbox-behind.md)", service, late, rest)})
		}
		if dead > 0 {
			found = append(found, Problem{Kind: "outbox", Detail: fmt.Sprintf("%s: %d events are set aside: %s", service, dead, reason),
				Mend: release(d[service])})
		}
	}
	return found, nil
}

// release makes the events that are set aside due again.
func release(conn *pgx.Conn) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		tag, err := conn.Exec(ctx, `update state set key = 'outbox-due||' || substr(key, 14) where left(key, 13) = 'outbox-dead||'`)
		return fmt.Sprintf("%d released", tag.RowsAffected()), err
	}
}

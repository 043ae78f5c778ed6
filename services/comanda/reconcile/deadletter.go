package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// DeadLetters finds the events that a service could not handle: those that wait for an admin, and those that the service has handled
// again for longer than rest. None is mended: the cause has to be fixed first.
func (d Databases) DeadLetters(ctx context.Context, rest time.Duration) (found []Problem, err error) {
	for _, service := range slices.Sorted(maps.Keys(d)) {
		var waiting, replaying int
		err := d[service].QueryRow(ctx, `
			select count(*) filter (where due_at is null), count(*) filter (where at <= now() - make_interval(secs => $1) and due_at is not null)
			from dead_letters where ended_at is null`, rest.Seconds()).Scan(&waiting, &replaying)
		if err != nil {
			return nil, fmt.Errorf("dead letters of %s: %w", service, err)
		}
		if waiting+replaying > 0 {
			found = append(found, Problem{Kind: "dead letters", Detail: fmt.Sprintf(
				"%s: %d events wait for an admin, %d still fail (runbook dead-letters.md)", service, waiting, replaying)})
		}
	}
	return found, nil
}

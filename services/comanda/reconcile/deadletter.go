package reconcile

import (
	"context"
	"fmt"
	"time"

	"comanda/services"
)

// DeadLetters finds the dead letters that wait for an admin, and those that a service has been replaying for longer than rest. None is
// mended: an admin has to remove the cause first, and `comanda dead-letters` says what each one is.
func (d Databases) DeadLetters(ctx context.Context, rest time.Duration) (found []Problem, err error) {
	for _, service := range services.Stateful {
		var waiting, replaying int
		err := d[service].QueryRow(ctx, `
			select count(*) filter (where due_at is null), count(*) filter (where at <= now() - make_interval(secs => $1) and due_at is not null)
			from dead_letters where ended_at is null`, rest.Seconds()).Scan(&waiting, &replaying)
		if err != nil {
			return nil, fmt.Errorf("dead letters of %s: %w", service, err)
		}
		if waiting > 0 {
			found = append(found, Problem{Kind: "dead letters", Detail: fmt.Sprintf("%s: %d wait for an admin (runbook dead-letters.md)", service, waiting)})
		}
		if replaying > 0 {
			found = append(found, Problem{Kind: "dead letters",
				Detail: fmt.Sprintf("%s: %d have been replayed for longer than %v and still fail (runbook dead-letters.md)", service, replaying, rest)})
		}
	}
	return found, nil
}

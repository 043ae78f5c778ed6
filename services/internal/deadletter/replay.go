package deadletter

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/audit"
	"comanda/services/internal/consumer"
	"comanda/services/internal/database"
	"comanda/services/internal/recovery"
)

const (
	// searchInterval is the interval of the search for letters that are due.
	searchInterval = time.Second
	// claimTime is how long a claim lasts if its replica dies. It is longer than a handler may take.
	claimTime = 30 * time.Second
	// maxFailures is the number of consecutive faults that end a round: their cause has probably not passed yet.
	maxFailures = 5
)

// Run handles letters again when they are due, until ctx is done.
func (l *Letters) Run(ctx context.Context) {
	recovery.RunEvery(ctx, l.log, "replay of dead letters", searchInterval, l.replayDue)
}

// Prune deletes letters that ended long ago, and old records about failures and erased persons. Package server calls it every hour.
func (l *Letters) Prune(ctx context.Context) error {
	var errs []error
	const day = 24 * time.Hour
	for _, old := range []struct {
		statement string
		age       time.Duration
	}{
		{`delete from dead_letters where id in (select id from dead_letters where ended_at < now() - $1::interval limit $2)`, 7 * day},
		{`delete from event_failures where ctid in (select ctid from event_failures where at < now() - $1::interval limit $2)`, day},
		// longer than a record stays in the dead-letter topic, if that may hold personal data
		{`delete from erased_subjects where subject in (select subject from erased_subjects where at < now() - $1::interval limit $2)`, 30 * day},
	} {
		_, err := database.DeleteInBatches(ctx, l.pool, old.statement, old.age)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// claimed is a letter that this replica handles now.
type claimed struct {
	ID, Topic, EventID string
	Attempts, Replays  int
	Payload            []byte
}

// replayDue replays all letters that are due, in the order in which they became due. It stops after maxFailures faults in a row, so
// that dead letters do not keep a failing service busy.
func (l *Letters) replayDue(ctx context.Context) error {
	for faults := 0; faults < maxFailures && ctx.Err() == nil; {
		letter, found, err := l.claim(ctx)
		if err != nil || !found {
			return err
		}
		failure := l.table.Replay(ctx, letter.Topic, letter.Payload)
		if err := l.finish(ctx, letter, failure); err != nil {
			return err
		}
		if faults++; failure == nil || consumer.IsPermanent(failure) {
			faults = 0
		}
	}
	return nil
}

// claim claims the letter that has been due for longest. If this replica dies, another one claims it after claimTime.
func (l *Letters) claim(ctx context.Context) (letter claimed, found bool, err error) {
	rows, err := l.pool.Query(ctx, `update dead_letters set claimed_until = now() + $1::interval where id = (
			select id from dead_letters where due_at <= now() and claimed_until < now() order by due_at, at limit 1 for update skip locked)
		returning id::text, topic, event_id, attempts, replays, payload`, claimTime)
	if err != nil {
		return letter, false, err
	}
	letter, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[claimed])
	if errors.Is(err, pgx.ErrNoRows) {
		return letter, false, nil
	}
	return letter, err == nil, err
}

// finish records how a replay ended: it ends a letter that was handled, makes one that failed due again after a pause, and leaves one that
// was rejected to an admin. It changes no row if the letter was deleted during the replay, by the erasure of its person.
func (l *Letters) finish(ctx context.Context, letter claimed, failure error) error {
	if failure == nil {
		l.metrics.countReplay("done")
		l.log.InfoContext(ctx, "dead letter handled", "letter", letter.ID, "topic", letter.Topic)
		return pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, endStatement, letter.ID, "replayed")
			if err != nil || tag.RowsAffected() == 0 {
				return err
			}
			return audit.Record(ctx, tx, audit.New(ctx, audit.DeadLetterReplayed, letter.ID, letter.audited(Replaying), letter.audited(Replayed)))
		})
	}
	untilDue := (*time.Duration)(nil) // nil: it waits for an admin
	if consumer.IsPermanent(failure) {
		l.metrics.countReplay("rejected")
	} else {
		l.metrics.countReplay("failed")
		pause := pauseAfter(letter.Replays + 1)
		untilDue = &pause
	}
	l.log.WarnContext(ctx, "dead letter failed again", "letter", letter.ID, "topic", letter.Topic, "error", failure)
	_, err := l.pool.Exec(ctx, `update dead_letters set reason = $2, attempts = attempts + 1, replays = replays + 1,
		due_at = now() + $3::interval, claimed_until = '-infinity' where id = $1 and ended_at is null`,
		letter.ID, storableText(failure.Error(), maxReason), untilDue)
	return err
}

// endStatement ends the letter $1. $2 says how: replayed or discarded.
const endStatement = `update dead_letters set payload = null, key = '', due_at = null, ended_at = now(), ending = $2
	where id = $1 and ended_at is null`

// pauseAfter returns the pause after a number of failed replays. It doubles up to maxPause. It is shortened by up to a quarter at
// random, so that letters that failed together are not replayed together.
func pauseAfter(replays int) time.Duration {
	pause := min(firstReplay<<min(replays, 10), maxPause)
	return pause - time.Duration(rand.Int64N(int64(pause/4)))
}

// audited returns what an audit entry holds about a letter with this status; "" for none.
func (c claimed) audited(status string) map[string]any {
	fields := map[string]any{"topic": c.Topic, "eventId": c.EventID, "attempts": c.Attempts}
	if status != "" {
		fields["letterStatus"] = status
	}
	return fields
}

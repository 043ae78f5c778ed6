package deadletter

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/consumer"
)

const (
	// giveUpAfter is how long the service tries an event, which meanwhile holds up the events behind it in its partition. Most faults
	// pass sooner. After that time the event becomes a dead letter, and the service replays it from the table.
	giveUpAfter = 5 * time.Second
	// maxEvents bounds the number of events whose attempts are remembered. When there are so many, those older than forgetAfter are forgotten.
	maxEvents   = 10_000
	forgetAfter = 10 * time.Minute
	// maxReason is the maximum length of a stored reason in bytes.
	maxReason = 500
)

// unknownReason is the reason of an event whose handler never returned an error.
const unknownReason = "the service did not answer, or stopped, while it handled the event"

// attempts remembers the events that have failed in this process: since when, how often, and why.
type attempts struct {
	now func() time.Time

	mu     sync.Mutex
	events map[[2]string]failures // by topic and event id
}

// failures is what is known about the failures of one event.
type failures struct {
	since     time.Time // when the first attempt began
	attempts  int
	reason    string // of the last failure
	permanent bool   // the last failure was a rejection, which no replay cures
}

func newAttempts(now func() time.Time) *attempts {
	return &attempts{now: now, events: map[[2]string]failures{}}
}

// recordFailure records a failed attempt and returns what is known about the event's failures.
func (a *attempts) recordFailure(attempt consumer.Attempt) failures {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := [2]string{attempt.Topic, attempt.EventID}
	known, found := a.events[key]
	if !found {
		known.since = attempt.Begun
		a.makeRoom()
	}
	known.attempts++
	known.reason, known.permanent = storableText(attempt.Err.Error(), maxReason), consumer.IsPermanent(attempt.Err)
	a.events[key] = known
	return known
}

// makeRoom forgets old events, or all of them if none is old. An event that was forgotten too early is only tried for longer.
func (a *attempts) makeRoom() {
	if len(a.events) < maxEvents {
		return
	}
	for key, event := range a.events {
		if a.now().Sub(event.since) > forgetAfter {
			delete(a.events, key)
		}
	}
	if len(a.events) >= maxEvents {
		clear(a.events)
	}
}

// forget removes an event and returns what was known about it.
func (a *attempts) forget(topic, id string) (failures, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := [2]string{topic, id}
	known, found := a.events[key]
	delete(a.events, key)
	return known, found
}

// RecordAttempt implements consumer.DeadLetters. After a success it forgets the event. If the event is to become a dead letter, it stores
// the reason in the database before the sidecar is answered, because the letter may arrive at another replica. While the database is away,
// only this process knows the reason.
func (l *Letters) RecordAttempt(ctx context.Context, attempt consumer.Attempt) (giveUp bool) {
	if attempt.Err == nil {
		l.attempts.forget(attempt.Topic, attempt.EventID)
		return false
	}
	known := l.attempts.recordFailure(attempt)
	giveUp = consumer.IsPostponed(attempt.Err) || l.attempts.now().Sub(known.since) >= giveUpAfter
	if !giveUp && !known.permanent {
		return false
	}
	// The handler may have used up the time of its context.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_, err := l.pool.Exec(ctx, `insert into event_failures (topic, event_id, reason, attempts, permanent) values ($1, $2, $3, $4, $5)
		on conflict (topic, event_id) do update
		set reason = excluded.reason, attempts = excluded.attempts, permanent = excluded.permanent, at = now()`,
		attempt.Topic, storableText(attempt.EventID, maxID), known.reason, known.attempts, known.permanent)
	if err != nil {
		l.log.WarnContext(ctx, "the reason of a dead letter is not stored", "topic", attempt.Topic, "error", err)
	}
	return giveUp
}

// takeFailures removes and returns what is known about the failures of an event, in this process or in the database: what has more attempts.
func (l *Letters) takeFailures(ctx context.Context, tx pgx.Tx, topic, id string) (known failures, err error) {
	known = failures{attempts: 1, reason: unknownReason}
	rows, err := tx.Query(ctx, `delete from event_failures where topic = $1 and event_id = $2 returning reason, attempts, permanent`, topic, id)
	if err != nil {
		return known, err
	}
	_, err = pgx.ForEachRow(rows, []any{&known.reason, &known.attempts, &known.permanent}, func() error { return nil })
	if remembered, found := l.attempts.forget(topic, id); found && remembered.attempts >= known.attempts {
		known = remembered
	}
	return known, err
}

// storableText returns s as Postgres stores it: valid UTF-8 without zero bytes, of at most limit bytes.
func storableText(s string, limit int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "")
	}
	return s
}

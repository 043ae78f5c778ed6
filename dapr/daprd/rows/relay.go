package rows

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// idlePoll finds rows that no commit of this sidecar signals: rows of a replica that died, or that a person released.
	idlePoll = time.Second
	// databaseRetry is the pause while the database does not answer.
	databaseRetry = 500 * time.Millisecond
	// indexRetry is the pause after the indexes could not be created. Without them the relay works, but slower.
	indexRetry = 10 * time.Second
)

// relay publishes the rows of one table until the sidecar stops.
type relay struct {
	table     *table
	publisher Publisher
	metrics   *tableMetrics
	holds     *holds
	wake      chan struct{}
	published map[int64]struct{} // rows that are published but may not be deleted yet

	cursor       int64 // the row_id the last pass reached
	measuredAt   time.Time
	databaseAway bool // the database did not answer the last time
}

func newRelay(t *table, publisher Publisher, metrics *tableMetrics) *relay {
	return &relay{
		table: t, publisher: publisher, metrics: metrics, holds: newHolds(),
		wake: make(chan struct{}, 1), published: map[int64]struct{}{},
	}
}

// notify makes the relay read the table now. It never blocks. Several calls while the relay is busy count as one.
func (r *relay) notify() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *relay) run(ctx context.Context) {
	defer r.table.pool.Close()
	for notified := false; ctx.Err() == nil; {
		err := r.publishDue(ctx, notified)
		r.noteDatabaseState(ctx, err)
		notified = r.awaitWork(ctx, err)
	}
}

// publishDue publishes the rows that are due. It takes a turn only after a notification or when a row waits.
func (r *relay) publishDue(ctx context.Context, notified bool) error {
	if !notified || time.Since(r.measuredAt) >= idlePoll {
		waiting, err := r.measureBacklog(ctx)
		if err != nil || waiting == 0 {
			return err
		}
	}
	return r.runPass(ctx)
}

func (r *relay) measureBacklog(ctx context.Context) (waiting int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	b, err := r.table.readBacklog(ctx)
	if err == nil {
		r.measuredAt = time.Now()
		r.metrics.setBacklog(b)
	}
	return b.Waiting, err
}

// runPass goes through the table, one turn at a time. It begins at the head (the lowest row_id), unless every hold is still
// active: then it goes on behind the rows of the last pass, however many of them wait.
func (r *relay) runPass(ctx context.Context) error {
	now := time.Now()
	fromHead := r.holds.isEmpty() || !r.holds.nextExpiry().After(now)
	if fromHead {
		r.cursor, r.holds.passBegan = 0, now
	} else {
		r.holds.passBegan = time.Time{}
	}
	for ctx.Err() == nil {
		t, err := r.takeTurn(ctx, r.cursor, r.holds.heldDestinations())
		switch {
		case isLockTimeout(err):
			continue
		case err != nil:
			return err
		}
		if r.cursor = t.lastID; t.rows == 0 {
			if fromHead {
				r.dropExpired()
			}
			return nil
		}
		// Back to the head: a row may have appeared there that got its row_id before the page's last row and committed
		// after it. Only while a queue is on hold does the pass go on behind the rows that it read.
		if !r.holds.hasHeldQueue() {
			r.cursor = 0
		}
	}
	return ctx.Err()
}

// dropExpired forgets, after a pass through the whole table, what is no longer in it.
func (r *relay) dropExpired() {
	r.holds.dropExpired()
	if r.holds.isEmpty() {
		clear(r.published)
	}
}

// awaitWork returns when there is a reason to read the table, and reports whether that is a notification.
func (r *relay) awaitWork(ctx context.Context, err error) (notified bool) {
	pause, wake := idlePoll, r.wake
	switch {
	case err != nil:
		// While the database is in trouble, commits do not shorten the pause.
		pause, wake = databaseRetry, nil
	case !r.holds.isEmpty():
		pause = min(pause, max(time.Until(r.holds.nextExpiry()), 0))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wake:
		return true
	case <-timer.C:
		return false
	}
}

// noteDatabaseState logs once that the database is away and once that it is back. After an error the next pass begins at
// the head.
func (r *relay) noteDatabaseState(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case err != nil && !r.databaseAway:
		log.Warnf("%s: the database does not answer the relay, events wait: %v", r.table.name, err)
	case err == nil && r.databaseAway:
		log.Infof("%s: the database answers again", r.table.name)
	}
	r.databaseAway = err != nil
	if err != nil {
		r.holds.passBegan, r.cursor = time.Time{}, 0
	}
}

// ensureIndexes creates the table's indexes and retries until it succeeds. It runs in the background, because a table can
// be busy for hours and events must not wait for that.
func (r *relay) ensureIndexes(ctx context.Context) {
	for {
		err := r.table.createIndexes(ctx)
		var pgErr *pgconn.PgError
		switch {
		case err == nil || ctx.Err() != nil:
			return
		case errors.As(err, &pgErr) && pgErr.Code == pgerrcode.InsufficientPrivilege:
			log.Warnf("%s: the relay may not create its indexes and will be slow on a large table; "+
				"create them by hand (dapr/daprd/rows/table.go): %v", r.table.name, err)
			return
		}
		log.Debugf("%s: cannot create the indexes, trying again in %s: %v", r.table.name, indexRetry, err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(indexRetry):
		}
	}
}

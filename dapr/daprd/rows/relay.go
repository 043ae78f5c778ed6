package rows

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// idlePoll finds what no commit of this sidecar announces: rows of a replica that died, or that a person released.
	idlePoll = time.Second
	// databaseRetry is the pause while the database does not answer.
	databaseRetry = 500 * time.Millisecond
	// indexRetry is the pause after the indexes could not be made; without them all works, only slower.
	indexRetry = 10 * time.Second
)

// relay publishes the rows of one table, for as long as the sidecar lives.
type relay struct {
	table     *table
	publisher Publisher
	metrics   *tableMetrics
	holds     *holds
	wake      chan struct{}
	published map[int64]struct{} // published, and not yet surely deleted

	cursor   int64 // the row_id the last pass came to
	measured time.Time
	troubled bool // the database did not answer the last time
}

func newRelay(t *table, publisher Publisher, metrics *tableMetrics) *relay {
	return &relay{
		table: t, publisher: publisher, metrics: metrics, holds: newHolds(),
		wake: make(chan struct{}, 1), published: map[int64]struct{}{},
	}
}

// ring makes the relay look at the table now. It never blocks, and many rings while the relay is busy are one.
func (r *relay) ring() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *relay) run(ctx context.Context) {
	defer r.table.pool.Close()
	for rung := false; ctx.Err() == nil; {
		err := r.look(ctx, rung)
		r.note(ctx, err)
		rung = r.wait(ctx, err)
	}
}

// look publishes what is due. Only a ring or a row that waits is worth a turn.
func (r *relay) look(ctx context.Context, rung bool) error {
	if !rung || time.Since(r.measured) >= idlePoll {
		waiting, err := r.measure(ctx)
		if err != nil || waiting == 0 {
			return err
		}
	}
	return r.pass(ctx)
}

func (r *relay) measure(ctx context.Context) (waiting int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	b, err := r.table.backlog(ctx)
	if err == nil {
		r.measured = time.Now()
		r.metrics.backlog(b)
	}
	return b.Waiting, err
}

// pass goes through the table, a turn at a time. It begins at the head, unless everything held back still is: then what
// the last pass looked at needs no second look, however much waits there.
func (r *relay) pass(ctx context.Context) error {
	now := time.Now()
	fromHead := !r.holds.any() || !r.holds.next().After(now)
	if fromHead {
		r.cursor, r.holds.passBegan = 0, now
	} else {
		r.holds.passBegan = time.Time{}
	}
	for ctx.Err() == nil {
		t, err := r.takeTurn(ctx, r.cursor, r.holds.heldDestinations())
		switch {
		case isBusy(err):
			continue
		case err != nil:
			return err
		}
		if r.cursor = t.last; t.rows == 0 {
			if fromHead {
				r.tidy()
			}
			return nil
		}
		// From the head again, where a row may have appeared that got its row_id before the page's last and
		// committed after it. Only rows that wait for their line's back-off are worth going round.
		if !r.holds.anyLine() {
			r.cursor = 0
		}
	}
	return ctx.Err()
}

// tidy forgets, after a look at the whole table, what is no longer in it.
func (r *relay) tidy() {
	r.holds.tidy()
	if !r.holds.any() {
		clear(r.published)
	}
}

// wait returns when there is a reason to look again, and reports whether a commit is it.
func (r *relay) wait(ctx context.Context, err error) (rung bool) {
	pause, wake := idlePoll, r.wake
	switch {
	case err != nil:
		// Not for every commit while the database is in trouble.
		pause, wake = databaseRetry, nil
	case r.holds.any():
		pause = min(pause, max(time.Until(r.holds.next()), 0))
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

// note says once that the database is away, and once that it is back.
func (r *relay) note(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case err != nil && !r.troubled:
		log.Warnf("%s: the database does not answer the relay, events wait: %v", r.table.name, err)
	case err == nil && r.troubled:
		log.Infof("%s: the database answers again", r.table.name)
	}
	r.troubled = err != nil
	if err != nil {
		r.holds.passBegan, r.cursor = time.Time{}, 0
	}
}

// index makes the indexes, in the background: a table that is busy for hours must not keep events waiting.
func (r *relay) index(ctx context.Context) {
	for {
		err := r.table.ensureIndexes(ctx)
		var pgErr *pgconn.PgError
		switch {
		case err == nil || ctx.Err() != nil:
			return
		case errors.As(err, &pgErr) && pgErr.Code == pgerrcode.InsufficientPrivilege:
			log.Warnf("%s: the relay may not create its indexes, and will be slow on a large table: %v", r.table.name, err)
			return
		}
		log.Debugf("%s: indexes: %v", r.table.name, err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(indexRetry):
		}
	}
}

package rows

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// idlePoll is how often the relay looks for rows that no commit of this sidecar signals: rows of a replica that died, or rows that an
	// operator released.
	idlePoll = time.Second
	// databaseRetry is the pause while the database does not answer.
	databaseRetry = 500 * time.Millisecond
	// indexRetry is the pause after the table could not be prepared. Without its indexes the relay works, but slower.
	indexRetry = 10 * time.Second
	// sweepInterval is how often a relay with rows on hold reads the whole table. It looks for rows that an operator released without
	// a new row_id. Without rows on hold, the relay reads the whole table as soon as rows wait that it has not found.
	sweepInterval = 30 * time.Second
	// measureRest is how often the duration of a measurement of the backlog passes before the next one: under a held snapshot each takes
	// longer.
	measureRest = 20
)

// relay publishes the rows of one table until the sidecar stops.
type relay struct {
	table     *table
	publisher Publisher
	metrics   *tableMetrics
	holds     *holds
	wake      chan struct{}
	late      chan outcome          // the outcomes of publishes that outlived their turn
	published map[identity]struct{} // rows that are published and not deleted yet

	floor        floor
	sweptAt      time.Time
	measureAt    time.Time // when the backlog is to be measured next
	databaseAway bool      // the database did not answer the last time
}

func newRelay(t *table, publisher Publisher, metrics *tableMetrics) *relay {
	return &relay{
		table: t, publisher: publisher, metrics: metrics, holds: newHolds(),
		wake: make(chan struct{}, 1), late: make(chan outcome), published: map[identity]struct{}{},
	}
}

// notify makes the relay read the table now. It never blocks. Several calls while the relay is busy count as one.
func (r *relay) notify() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run publishes the rows of the table until ctx is done. Then it closes the pool.
func (r *relay) run(ctx context.Context) {
	defer r.table.pool.Close()
	for notified := false; ctx.Err() == nil; {
		err := r.publishDue(ctx, notified)
		r.noteDatabaseState(ctx, err)
		notified = r.awaitWork(ctx, err)
	}
}

// publishDue publishes the rows that are due. It takes a turn only after a notification or when a row may wait.
func (r *relay) publishDue(ctx context.Context, notified bool) error {
	if !time.Now().Before(r.measureAt) {
		waiting, err := r.measureBacklog(ctx)
		switch {
		case err != nil:
			log.Debugf("%s: the backlog could not be measured: %v", r.table.name, err)
		case waiting == 0 && r.holds.isEmpty() && !notified:
			return nil
		case waiting > 0 && (r.holds.isEmpty() || time.Since(r.sweptAt) >= sweepInterval):
			r.sweptAt = time.Now()
			r.holds.rescan(1) // from the start of the table: the rows that wait may be below the floor
		}
	}
	return r.runPass(ctx)
}

// measureBacklog counts the rows that wait, for the metrics, and sets the time of the next measurement: the slower this one is, the later.
func (r *relay) measureBacklog(ctx context.Context) (waiting int64, err error) {
	began := time.Now()
	b, err := r.table.readBacklog(ctx)
	r.measureAt = time.Now().Add(max(idlePoll, measureRest*time.Since(began)))
	if err == nil {
		r.metrics.setBacklog(b)
	}
	return b.Waiting, err
}

// runPass takes turns until no row is left that is due. While another relay has the turn, it waits for it again.
func (r *relay) runPass(ctx context.Context) error {
	for ctx.Err() == nil {
		again, err := r.takeTurns(ctx)
		switch {
		case isLockTimeout(err):
		case err != nil:
			return err
		case !again:
			return nil
		}
	}
	return ctx.Err()
}

// takeTurns takes one turn for the rows on hold, if some are due, and one for the other rows. So neither waits longer than one turn for
// the other. It reports whether another turn may find rows that are due.
func (r *relay) takeTurns(ctx context.Context) (again bool, err error) {
	r.recordLate()
	if due := r.holds.due(time.Now()); len(due) > 0 {
		if again, err = r.takeTurn(ctx, r.readHeld(due)); err != nil {
			return false, err
		}
	}
	fresh, err := r.takeTurn(ctx, r.readFresh)
	return again || fresh, err
}

// awaitWork returns when there is a reason to read the table, and reports whether that is a notification.
func (r *relay) awaitWork(ctx context.Context, err error) (notified bool) {
	pause, wake := idlePoll, r.wake
	switch {
	case err != nil:
		// While the database is in trouble, commits do not shorten the pause.
		pause, wake = databaseRetry, nil
	case !r.holds.nextRetry().IsZero():
		pause = min(pause, max(time.Until(r.holds.nextRetry()), 0))
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-wake:
		return true
	case o := <-r.late:
		r.recordLateOutcome(o)
		return true
	case <-timer.C:
		return false
	}
}

// noteDatabaseState logs once that the database is away and once that it is back. After an error the relay reads the whole table
// again: the database may have been restored.
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
		r.floor = floor{}
	}
}

// prepareTable prepares the table and retries until it succeeds. It runs in the background, because a table can
// be busy for hours and events must not wait for that.
func (r *relay) prepareTable(ctx context.Context) {
	for {
		err := r.table.prepare(ctx)
		var pgErr *pgconn.PgError
		switch {
		case err == nil || ctx.Err() != nil:
			return
		case errors.As(err, &pgErr) && pgErr.Code == pgerrcode.InsufficientPrivilege:
			log.Warnf("%s: the relay may not create its indexes or set autovacuum, and will be slow on a large table; "+
				"do it by hand (dapr/daprd/rows/table.go): %v", r.table.name, err)
			return
		}
		log.Debugf("%s: cannot create the indexes or set autovacuum, trying again in %s: %v", r.table.name, indexRetry, err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(indexRetry):
		}
	}
}

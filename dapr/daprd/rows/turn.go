package rows

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// turnRead is what one turn has read.
type turnRead struct {
	rows  []row
	began time.Time // just before the rows were read
	upTo  int64     // the row_id up to which the turn read from the floor
	toEnd bool      // it read to the end of the table
	again bool      // another turn may find rows that are due
}

// takeTurn reads a page of rows, publishes it, deletes the rows that were published, sets those aside that were refused, and commits. Only
// one of all replicas' relays has the turn at a time. A turn reads all new rows from the floor on, or the first rows of queues on hold, so no
// event can overtake another of its subject. Once the rows are read, a shutdown does not interrupt the turn: finishing is quicker than
// publishing the rows again later. takeTurn reports whether another turn may find rows that are due.
func (r *relay) takeTurn(ctx context.Context, read func(context.Context, *pgxpool.Conn) (turnRead, error)) (again bool, err error) {
	reading, cancel := context.WithTimeout(ctx, turnLimit)
	defer cancel()
	conn, err := r.table.pool.Acquire(reading)
	if err != nil {
		return false, err
	}
	defer endTurn(context.WithoutCancel(ctx), conn)
	seen, err := r.table.beginTurn(reading, conn)
	if err != nil {
		return false, err
	}
	r.floor.observe(seen)
	p, err := read(reading, conn)
	if err != nil {
		return false, err
	}
	result := r.recordOutcomes(r.publishPage(ctx, p.rows, p.began))
	r.rememberPublished(result.published)
	finishing, cancel := context.WithTimeout(context.WithoutCancel(ctx), turnLimit)
	defer cancel()
	// r.published also has rows of earlier turns that could not commit.
	if err := r.table.commitTurn(finishing, conn, r.published, result.refused); err != nil {
		return false, err
	}
	clear(r.published)
	r.metrics.countSetAside(result.refused)
	r.raiseFloor(p)
	return p.again || r.holds.rescanFrom > 0, nil
}

// readFresh reads, from the floor on, rows that are neither on hold nor in flight. If a page has none, it reads the next one, so that
// rows on hold never hide other rows. After a page that reached the end of the table no other turn is needed: the commit of a later
// row notifies its relay.
func (r *relay) readFresh(ctx context.Context, conn *pgxpool.Conn) (turnRead, error) {
	if r.holds.rescanFrom > 0 {
		r.floor.lower(r.holds.rescanFrom)
		r.holds.rescanFrom = 0
	}
	fresh := turnRead{upTo: r.floor.id}
	for len(fresh.rows) == 0 && !fresh.toEnd {
		fresh.began = time.Now()
		found, isFull, err := r.table.readPage(ctx, conn, fresh.upTo, r.holds.fullDestinations())
		if err != nil {
			return turnRead{}, err
		}
		for _, row := range found {
			fresh.upTo = row.id
			if _, done := r.published[row.identity()]; !done && !r.holds.leaveOut(row) {
				fresh.rows = append(fresh.rows, row)
			}
		}
		fresh.toEnd, fresh.again = !isFull, isFull
	}
	return fresh, nil
}

// readHeld returns a function that reads the first rows of queues on hold. A queue whose row is gone is released: another
// relay has published the row or set it aside, or an operator has deleted it.
func (r *relay) readHeld(due []queue) func(context.Context, *pgxpool.Conn) (turnRead, error) {
	return func(ctx context.Context, conn *pgxpool.Conn) (turnRead, error) {
		keys := make([]string, len(due))
		for i, q := range due {
			keys[i] = r.holds.queues[q].first.key
		}
		held := turnRead{began: time.Now()}
		found, err := r.table.readRows(ctx, conn, keys)
		if err != nil {
			return turnRead{}, err
		}
		inTable := map[string]bool{}
		for _, row := range found {
			inTable[row.key] = true
			if row.value != nil { // nil: it does not fit into the page
				held.rows = append(held.rows, row)
			}
		}
		for i, q := range due {
			if !inTable[keys[i]] {
				r.endHold(q, held.began)
			}
		}
		held.again = len(held.rows) > 0
		return held, nil
	}
}

// raiseFloor raises the floor after a page that was read from the floor. The floor stays while the relay leaves out whole destinations.
func (r *relay) raiseFloor(p turnRead) {
	if len(r.holds.fullDestinations()) > 0 {
		return
	}
	r.floor.raise(p.upTo)
	if p.toEnd {
		r.floor.raiseToEnd()
	}
}

// rememberPublished remembers rows that are published but not deleted yet, so that the relay does not publish them twice if the database
// goes away in between. A row_id alone does not identify a row: after a restore another row can have it.
func (r *relay) rememberPublished(published []identity) {
	for _, id := range published {
		r.published[id] = struct{}{}
	}
}

package rows

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// turn is what one transaction of the relay did.
type turn struct {
	rows int   // how many it looked at; none means that the table holds no more
	last int64 // the row_id it came to
}

// refusal is a row no broker will ever take.
type refusal struct {
	row    row
	reason error
}

// takeTurn publishes one page of rows: it takes them, publishes, deletes, and commits. Only one relay of all replicas
// has a turn at a time, and the next one begins at the head of the table, so no event can overtake another of its
// subject. Once the rows are read nothing interrupts it: ending is quicker than publishing them again later.
func (r *relay) takeTurn(ctx context.Context, after int64, pass []string) (turn, error) {
	tx, err := r.table.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return turn{}, err
	}
	steady := context.WithoutCancel(ctx)
	defer func() { _ = tx.Rollback(steady) }()
	if err := r.table.awaitTurn(ctx, tx); err != nil {
		return turn{}, err
	}
	// Asked first: what commits in between is in the page, or for the next look.
	horizon, err := r.table.horizon(ctx, tx)
	if err != nil {
		return turn{}, err
	}
	page, err := r.table.page(ctx, tx, after, pass)
	if err != nil || len(page) == 0 {
		return turn{last: max(after, horizon)}, err
	}
	var done dealt
	if err := keepAlive(steady, tx, func() { done = r.deal(steady, page) }); err != nil {
		r.remember(done.published)
		return turn{}, err
	}
	r.remember(done.published)
	if err := r.table.settle(steady, tx, done.published, done.refused); err != nil {
		return turn{}, err
	}
	if err := tx.Commit(steady); err != nil {
		return turn{}, err
	}
	r.forget(done.published)
	r.metrics.setAside(done.refused)
	return turn{rows: len(page), last: page[len(page)-1].id}, nil
}

// remember keeps what is published, but not yet surely deleted, so that a database that goes away just then does not make
// this relay publish it twice.
func (r *relay) remember(ids []int64) {
	for _, id := range ids {
		r.published[id] = struct{}{}
	}
}

func (r *relay) forget(ids []int64) {
	for _, id := range ids {
		delete(r.published, id)
	}
}

// keepAlive does the work while it shows the database, over the transaction's connection, that this relay lives: one that
// stands still loses its turn (lostAfter). It always waits for the work.
func keepAlive(ctx context.Context, tx pgx.Tx, work func()) error {
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		work()
	}()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		select {
		case <-finished:
			return nil
		case <-beat.C:
			if _, err := tx.Exec(ctx, `select 1`); err != nil {
				<-finished
				return err
			}
		}
	}
}

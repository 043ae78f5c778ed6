package rows

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// turn is what one transaction of the relay did.
type turn struct {
	rows   int   // how many rows the turn read; 0: there are no more behind lastID
	lastID int64 // the row_id up to which the turn read
}

// refusal is a row that no broker will ever accept.
type refusal struct {
	row    row
	reason error
}

// takeTurn reads one page of rows, publishes it, deletes what was published, and commits. Only one of all replicas' relays
// has the turn at a time, and the next turn reads again from the lowest row_id (runPass says when it does not), so no event can
// overtake another of its subject. Once the rows are read, a shutdown does not interrupt the turn: finishing is quicker than
// publishing the rows again later.
func (r *relay) takeTurn(ctx context.Context, after int64, skip []string) (turn, error) {
	tx, err := r.table.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return turn{}, err
	}
	uncancelled := context.WithoutCancel(ctx)
	defer func() { _ = tx.Rollback(uncancelled) }()
	if err := r.table.awaitTurn(ctx, tx); err != nil {
		return turn{}, err
	}
	// Before the page: a row that commits between the two queries is in the page, or left for the next pass.
	lastDue, err := r.table.lastDueID(ctx, tx)
	if err != nil {
		return turn{}, err
	}
	page, err := r.table.readPage(ctx, tx, after, skip)
	if err != nil || len(page) == 0 {
		return turn{lastID: max(after, lastDue)}, err
	}
	var result pageResult
	if err := runWithHeartbeat(uncancelled, tx, func() { result = r.publishPage(uncancelled, page) }); err != nil {
		r.rememberPublished(result.published)
		return turn{}, err
	}
	r.rememberPublished(result.published)
	if err := r.table.applyResult(uncancelled, tx, result); err != nil {
		return turn{}, err
	}
	if err := tx.Commit(uncancelled); err != nil {
		return turn{}, err
	}
	r.forgetDeleted(result.published)
	r.metrics.countSetAside(result.refused)
	return turn{rows: len(page), lastID: page[len(page)-1].id}, nil
}

// rememberPublished keeps the rows that are published but may not be deleted yet. If the database goes away at that moment,
// this relay does not publish them twice.
func (r *relay) rememberPublished(ids []int64) {
	for _, id := range ids {
		r.published[id] = struct{}{}
	}
}

func (r *relay) forgetDeleted(ids []int64) {
	for _, id := range ids {
		delete(r.published, id)
	}
}

// runWithHeartbeat runs work and meanwhile shows the database, over the transaction's connection, that this relay is alive:
// a relay that stands still loses its turn after idleLimit. It returns only after work has.
func runWithHeartbeat(ctx context.Context, tx pgx.Tx, work func()) error {
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		work()
	}()
	ticker := time.NewTicker(heartbeatInterval)
	defer ticker.Stop()
	for {
		select {
		case <-finished:
			return nil
		case <-ticker.C:
			if _, err := tx.Exec(ctx, `select 1`); err != nil {
				<-finished
				return err
			}
		}
	}
}

package rows

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The transaction of a turn. Its statements are sent together where none needs the answer of another: each round trip costs both sides
// more than the statement itself.

// beginTurn begins a transaction and waits until no other relay publishes from this table. Postgres releases the lock when the
// transaction ends, also when the connection is lost. The lock needs a statement of its own: the next statement then sees what the
// previous relay deleted.
//
// The commit does not wait until it is on disk. If Postgres crashes before that, the deleted rows come back and are published again,
// as after a crash between publishing and deleting. If they are below the floor, publishDue sees
// them in the count of readBacklog and reads the whole table again.
func (t *table) beginTurn(ctx context.Context, conn *pgxpool.Conn) (seen horizon, err error) {
	settings := fmt.Sprintf(`select set_config('lock_timeout', '%d', true), set_config('statement_timeout', '%d', true),
		set_config('idle_in_transaction_session_timeout', '%d', true), set_config('synchronous_commit', 'off', true),
		pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint`,
		lockWait.Milliseconds(), statementLimit.Milliseconds(), idleLimit.Milliseconds())
	batch := &pgx.Batch{}
	batch.Queue(`begin isolation level read committed`)
	batch.Queue(settings).QueryRow(func(row pgx.Row) error { return row.Scan(nil, nil, nil, nil, &seen.xmin, &seen.xmax) })
	batch.Queue(fmt.Sprintf(`select pg_advisory_xact_lock(%d, to_regclass($1)::oid::int4)`, lockClass), t.name)
	err = conn.SendBatch(ctx, batch).Close() // before the return: Go does not say that a return reads seen after the call
	return seen, err
}

// commitTurn deletes the published rows, sets the refused rows aside, and commits.
func (t *table) commitTurn(ctx context.Context, conn *pgxpool.Conn, published map[identity]struct{}, refused []refusal) error {
	batch := &pgx.Batch{}
	if len(published) > 0 {
		keys, ids := make([]string, 0, len(published)), make([]int64, 0, len(published))
		for id := range published {
			keys, ids = append(keys, id.key), append(ids, id.id)
		}
		batch.Queue(fmt.Sprintf(`delete from %s s using unnest($1::text[], $2::bigint[]) as p (key, row_id)
			where s.key = p.key and s.row_id = p.row_id`, t.name), keys, ids)
	}
	for _, r := range refused {
		key, value := r.row.setAsideAs(r.reason, time.Now())
		batch.Queue(fmt.Sprintf(`update %s set key = $3, value = $4, updated_at = now() where key = $1 and row_id = $2`, t.name),
			r.row.key, r.row.id, key, value)
	}
	if len(refused) > 0 { // a person may have seen the row among those set aside
		batch.Queue(`set local synchronous_commit = on`)
	}
	batch.Queue(`commit`)
	return conn.SendBatch(ctx, batch).Close()
}

// endTurn rolls back a turn that was not committed, and returns the connection to the pool.
func endTurn(ctx context.Context, conn *pgxpool.Conn) {
	defer conn.Release()
	if !conn.Conn().IsClosed() && conn.Conn().PgConn().TxStatus() != 'I' {
		_, _ = conn.Exec(ctx, `rollback`) // it has a deadline, as every statement
	}
}

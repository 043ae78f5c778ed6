package main

import (
	"context"
	"embed"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/batch"
	"comanda/services/internal/recovery"
	"comanda/services/internal/telemetry"
)

//go:embed migrations/*.sql
var migrations embed.FS

// kind is the prefix of the key of every order's document.
const kind = "order"

// lists queries orders with SQL, through a view, columns and indexes of the sidecar's table. A trigger fills the columns in the statement
// that writes the document (migrations/00005_columns.sql), so there is no second copy to keep in step.
type lists struct {
	pool    *pgxpool.Pool
	lookups *batch.Calls[Order, lookup]
}

func openLists(pool *pgxpool.Pool) lists {
	l := lists{pool: pool}
	l.lookups = batch.New(batch.Most, l.lookUpAll)
	return l
}

// waitingItem is an order, or an erasure, that waits for a step of the recovery, the reconciliation or an erasure.
type waitingItem struct {
	ID          string
	CreatedAt   time.Time
	Traceparent string
	Announced   int  // how often the order was announced; only Waiting sets it
	Overdue     bool // the order is to be given up; only Waiting sets it
}

// waitingQuery selects a page of the PENDING orders that are to be announced again or given up, oldest first. The database's clock
// decides when they are due, so the query reads the table and not the view, whose created_at comes from the service's clock. The
// condition with any and the order by rule out orders_newest (pageQuery says why).
var waitingQuery = recovery.WithOutbox + `
	select substr(key, length(@kind) + 2) as id, order_placed_at as created_at,
	       coalesce(doc(value) ->> 'trace', '') as traceparent, (doc(value) ->> 'announced')::int as announced,
	       ` + recovery.Overdue + ` as overdue
	from state
	where key like 'order-%' and order_status = any(array['PENDING'])
	  and (` + recovery.Overdue + ` or ` + recovery.Due(`substr(key, length(@kind) + 2)`, `(doc(value) ->> 'announced')::int`) + `)
	  and (order_placed_at, key) > (@at, @key)
	order by order_status desc, order_placed_at, key limit @limit`

// Waiting returns up to limit PENDING orders that are to be announced again or given up, oldest first. The page begins after the order
// in after.
func (l lists) Waiting(ctx context.Context, timing recovery.Timing, after waitingItem, limit int) ([]waitingItem, error) {
	return l.collectWaiting(ctx, waitingQuery, timing.DueArguments(pgx.NamedArgs{
		"kind": kind, "at": after.CreatedAt, "key": kind + "-" + after.ID, "limit": limit,
	}))
}

// collectWaiting runs a query for a page of a round.
func (l lists) collectWaiting(ctx context.Context, query string, args pgx.NamedArgs) ([]waitingItem, error) {
	rows, err := l.pool.Query(ctx, query, args)
	if err != nil {
		return nil, fmt.Errorf("find what is due: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByNameLax[waitingItem])
	if err != nil {
		return nil, fmt.Errorf("find what is due: %w", err)
	}
	return found, nil
}

// maxCounted bounds the count of PENDING orders, so that the query stays fast when the backlog is long.
const maxCounted = 10_000

// pendingQuery counts PENDING orders and finds the oldest at the end of the index orders_in_status.
const pendingQuery = `
	select (select count(*) from (select from orders where status = 'PENDING' limit @most) as counted),
	       coalesce((select created_at from orders where status = any(array['PENDING']) order by status desc, created_at, key limit 1), now())`

// Backlog returns the number of PENDING orders, up to maxCounted, and the time of the oldest, which is now if there is none.
func (l lists) Backlog(ctx context.Context) (b telemetry.Backlog, err error) {
	err = l.pool.QueryRow(ctx, pendingQuery, pgx.NamedArgs{"most": maxCounted}).Scan(&b.Count, &b.Oldest)
	return b, err
}

// Decided returns which of the orders are no longer PENDING.
func (l lists) Decided(ctx context.Context, ids []string) ([]string, error) {
	rows, err := l.pool.Query(ctx, `select substr(key, length($2) + 2) from orders where key = any($1) and status <> 'PENDING'`, keysOf(ids), kind)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

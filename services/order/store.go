package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/event"
	"comanda/services/internal/recovery"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
)

//go:embed migrations/*.sql
var migrations embed.FS

// kind is the prefix of the key of every order's document.
const kind = "order"

// lists queries orders with SQL, through a view and indexes over the sidecar's state table. There is no second copy to keep
// in step.
type lists struct {
	pool *pgxpool.Pool
}

// filter selects the orders of a list. The zero value selects all.
type filter struct {
	Customer string
	Status   event.Status
}

// position is the cursor of a page: the page starts after the order with this time and id. The zero value is the first
// page.
type position = rest.TimePosition

// Page returns up to limit orders, newest first.
func (l lists) Page(ctx context.Context, f filter, after position, limit int) ([]Order, error) {
	query, args := pageQuery(f, after, limit)
	rows, err := l.pool.Query(ctx, query, args)
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	orders, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (order Order, err error) {
		var value []byte
		if err := row.Scan(&value); err != nil {
			return order, err
		}
		return order, json.Unmarshal(value, &order)
	})
	if err != nil {
		return nil, fmt.Errorf("list orders: %w", err)
	}
	return orders, nil
}

// pageQuery returns a query with only the conditions that apply, so that Postgres can choose the matching index.
func pageQuery(f filter, after position, limit int) (string, pgx.NamedArgs) {
	conditions := []string{"true"}
	switch {
	case f.Customer != "" && f.Status != "":
		// Postgres keeps no statistics on partial indexes for this choice and might scan all orders in that status. One
		// customer has few orders: coalesce rules out every index but orders_of_customer.
		conditions = append(conditions, "customer_id = @customer", "coalesce(status, '') = @status")
	case f.Customer != "":
		conditions = append(conditions, "customer_id = @customer")
	case f.Status != "":
		conditions = append(conditions, "status = @status")
	}
	if after.ID != "" {
		conditions = append(conditions, "(created_at, key) < (@at, @key)")
	}
	return `select value from orders where ` + strings.Join(conditions, " and ") + ` order by created_at desc, key desc limit @limit`,
		pgx.NamedArgs{
			"customer": f.Customer, "status": string(f.Status), "at": after.At, "key": kind + "-" + after.ID, "limit": limit,
		}
}

// waitingItem is an order, or an erasure, that is due for a step of the recovery.
type waitingItem struct {
	ID          string
	CreatedAt   time.Time
	Traceparent string
	Announced   int  // how often it was announced
	Overdue     bool // it is to be given up
}

// waitingQuery selects a page of the PENDING orders that are to be announced again or given up, oldest first. The database's clock
// decides when they are due, so the query reads the table and not the view, whose created_at comes from the service's clock.
var waitingQuery = recovery.WithOutbox + `
	select substr(key, length(@kind) + 2) as id, instant(doc(value) ->> 'createdAt') as created_at,
	       coalesce(doc(value) ->> 'trace', '') as traceparent, (doc(value) ->> 'announced')::int as announced,
	       ` + recovery.Overdue + ` as overdue
	from state
	where key like 'order-%' and doc(value) ->> 'status' = 'PENDING'
	  and (` + recovery.Overdue + ` or ` + recovery.Due(`substr(key, length(@kind) + 2)`, `(doc(value) ->> 'announced')::int`) + `)
	  and (instant(doc(value) ->> 'createdAt'), key) > (@at, @key)
	order by instant(doc(value) ->> 'createdAt'), key limit @limit`

// Waiting returns up to limit PENDING orders that are to be announced again or given up, oldest first. The page begins behind the order
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
	       coalesce((select created_at from orders where status = 'PENDING' order by created_at, key limit 1), now())`

// Backlog returns the number of PENDING orders, up to maxCounted, and the time of the oldest.
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

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
	"comanda/services/internal/telemetry"
)

//go:embed migrations/*.sql
var migrations embed.FS

// kind begins the key of every order's document.
const kind = "order"

// lists finds orders with SQL over the sidecar's own table, through a view and its indexes: there is no second copy of
// them to keep in step.
type lists struct {
	pool *pgxpool.Pool
}

// filter says which orders a list has. The zero value means all.
type filter struct {
	Customer string
	Status   event.Status
}

// position is where a page begins: after the order with this time and id. The zero value is the first page.
type position struct {
	At time.Time `json:"at"`
	ID string    `json:"id"`
}

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

// page writes the query with the conditions that apply and no others, so that Postgres sees which index fits.
func pageQuery(f filter, after position, limit int) (string, pgx.NamedArgs) {
	conditions := []string{"true"}
	switch {
	case f.Customer != "" && f.Status != "":
		// Of partial indexes Postgres keeps no statistics for this choice, so it might walk through all orders in that
		// state. One customer's orders are few: coalesce leaves it no other index.
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

// waiting is an order that product has not answered for.
type waiting struct {
	ID        string
	CreatedAt time.Time
	Trace     string
}

// waitingQuery finds them in pages, oldest first.
const waitingQuery = `
	select substr(key, length(@kind) + 2) as id, created_at, coalesce(doc(value) ->> 'trace', '') as trace from orders
	where status = 'PENDING' and created_at <= @announced and announced_at <= @announced
	  and (created_at, key) > (@at, @key)
	order by created_at, key limit @limit`

// Waiting returns up to limit orders, oldest first, that are PENDING and were last announced no later than announced, and
// that come after the given one.
func (l lists) Waiting(ctx context.Context, announced time.Time, after waiting, limit int) ([]waiting, error) {
	rows, err := l.pool.Query(ctx, waitingQuery, pgx.NamedArgs{
		"kind": kind, "announced": announced, "at": after.CreatedAt, "key": kind + "-" + after.ID, "limit": limit,
	})
	if err != nil {
		return nil, fmt.Errorf("find waiting orders: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[waiting])
	if err != nil {
		return nil, fmt.Errorf("find waiting orders: %w", err)
	}
	return found, nil
}

// maxCounted bounds the count of what is pending: the more there is, the more it matters that the answer comes in time.
const maxCounted = 10_000

// pendingQuery counts them, and finds the oldest by the index of orders in a state, from its end.
const pendingQuery = `
	select (select count(*) from (select from orders where status = 'PENDING' limit @most) as counted),
	       coalesce((select created_at from orders where status = 'PENDING' order by created_at, key limit 1), now())`

// Backlog says how many orders are PENDING, up to maxCounted, and since when the oldest.
func (l lists) Backlog(ctx context.Context) (b telemetry.Backlog, err error) {
	err = l.pool.QueryRow(ctx, pendingQuery, pgx.NamedArgs{"most": maxCounted}).Scan(&b.Count, &b.Oldest)
	return b, err
}

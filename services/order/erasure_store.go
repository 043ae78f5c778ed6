package main

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// erasureKind is the prefix of the key of every Erasure.
const erasureKind = "erasure"

// withPersonQuery selects a page of the orders of a customer from which the person has not been removed, oldest first. The condition with
// any and the order by rule out orders_newest (pageQuery says why).
const withPersonQuery = `
	select substr(key, length(@kind) + 2) as id, created_at from orders
	where customer_id = any(array[@customer]) and doc(value) -> 'personErased' is null and (created_at, key) > (@at, @key)
	order by customer_id desc, created_at, key limit @limit`

// WithPerson returns up to limit orders of a customer from which the person has not been removed, oldest first. The page begins after the
// order in after.
func (l lists) WithPerson(ctx context.Context, customer string, after waitingItem, limit int) ([]waitingItem, error) {
	return l.collectWaiting(ctx, withPersonQuery, pgx.NamedArgs{
		"kind": kind, "customer": customer, "at": after.CreatedAt, "key": kind + "-" + after.ID, "limit": limit,
	})
}

// Unsettled returns up to limit erasures that are not settled and began at or before the time begun, in the order of their keys. The page
// begins after the erasure in after.
func (l lists) Unsettled(ctx context.Context, begun time.Time, after waitingItem, limit int) ([]waitingItem, error) {
	return l.collectWaiting(ctx, `
		select substr(key, length(@kind) + 2) as id, instant(doc(value) ->> 'begunAt') as created_at from state
		where key like 'erasure-%' and doc(value) -> 'settledAt' is null
		  and instant(doc(value) ->> 'begunAt') <= @begun and key > @key
		order by key limit @limit`,
		pgx.NamedArgs{"kind": erasureKind, "begun": begun, "key": erasureKind + "-" + after.ID, "limit": limit})
}

// Erased reports whether a person, a customer or staff, was erased.
func (l lists) Erased(ctx context.Context, person string) (erased bool, err error) {
	err = l.pool.QueryRow(ctx, `select exists (select from state where key = $1)`, erasureKind+"-"+person).Scan(&erased)
	return erased, err
}

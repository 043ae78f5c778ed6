package main

import (
	"context"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/recovery"
)

// Standings returns the statuses of the orders with these ids, for product, which holds stock for them. It leaves out those that do not
// exist.
func (l lists) Standings(ctx context.Context, ids []string) ([]recovery.Standing, error) {
	rows, err := l.pool.Query(ctx, `select substr(key, length($2) + 2), status, '' from orders where key = any($1)`, keysOf(ids), kind)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[recovery.Standing])
}

// Versions returns the statuses and versions of the orders with these ids, for the gateway, whose clients watch them. It leaves out
// those that do not exist.
func (l lists) Versions(ctx context.Context, ids []string) ([]recovery.Standing, error) {
	rows, err := l.pool.Query(ctx, `select substr(key, length($2) + 2), status, (doc(value) ->> 'version')::int from orders
		where key = any($1)`, keysOf(ids), kind)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (s recovery.Standing, err error) {
		return s, row.Scan(&s.ID, &s.Status, &s.Version)
	})
}

// keysOf returns the keys of orders' documents.
func keysOf(ids []string) []string {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = kind + "-" + id
	}
	return keys
}

package main

import (
	"context"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/reconcile"
)

// Standings returns how the orders with these ids stand, for product, which holds stock for them. It leaves out those that do not
// exist.
func (l lists) Standings(ctx context.Context, ids []string) ([]reconcile.Standing, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = kind + "-" + id
	}
	rows, err := l.pool.Query(ctx, `select substr(key, length($2) + 2), status, '' from orders where key = any($1)`, keys, kind)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[reconcile.Standing])
}

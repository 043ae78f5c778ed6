package main

import (
	"context"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/recovery"
)

// standings returns the standings of accounts, for user, which holds a profile for each. It leaves out accounts that do not exist.
func (s store) standings(ctx context.Context, ids []string) ([]recovery.Standing, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = "account-" + id
	}
	rows, err := s.pool.Query(ctx, `select id, document->>'status', coalesce(document->>'reason', '') from accounts where key = any($1)`, keys)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[recovery.Standing])
}

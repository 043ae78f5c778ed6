package main

import (
	"context"
	"time"

	"comanda/services/internal/database"
)

// deleteRejected deletes accounts that were rejected longer than age ago, and returns their number. Accounts of erased people stay: their
// ids must never be used again.
func (s store) deleteRejected(ctx context.Context, age time.Duration) (int64, error) {
	return database.DeleteInBatches(ctx, s.pool, `delete from state where key in (select key from state
		where key like 'account-%' and doc(value)->>'status' = 'REJECTED' and coalesce(updated_at, created_at) <= now() - $1::interval
		limit $2)`, age)
}

package main

import (
	"context"
	"log/slog"
	"time"

	"comanda/services/internal/database"
	"comanda/services/internal/recovery"
)

// deleteEvery is how often old records are deleted.
const deleteEvery = time.Hour

// runDeletion runs until ctx is done. It deletes old tombstones.
func (s store) runDeletion(ctx context.Context, log *slog.Logger, retention database.Retention) {
	recovery.RunEvery(ctx, log, "deletion of old tombstones", deleteEvery, func(ctx context.Context) error {
		_, err := s.deleteTombstones(ctx, retention.Records)
		return err
	})
}

// deleteTombstones deletes the tombstones of registrations that were rejected or cancelled longer than age ago, and returns their
// number. Those of erased people stay: an erased person must never come back.
func (s store) deleteTombstones(ctx context.Context, age time.Duration) (int64, error) {
	return database.DeleteInBatches(ctx, s.pool, `delete from state where key in (select key from state
		where key like 'profile-%' and doc(value)->>'status' in ('REJECTED', 'CANCELLED') and coalesce(updated_at, created_at) <= now() - $1::interval
		limit $2)`, age)
}

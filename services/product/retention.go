package main

import (
	"context"
	"time"

	"comanda/services/internal/database"
	"comanda/services/internal/recovery"
)

// deleteEvery is how often old records are deleted.
const deleteEvery = time.Hour

// runDeletion runs until ctx is done. It deletes old reservations that neither hold nor have sold stock, with their announced outcomes.
func (s service) runDeletion(ctx context.Context, retention database.Retention) {
	recovery.RunEvery(ctx, s.log, "deletion of old reservations", deleteEvery, func(ctx context.Context) error {
		_, err := s.store.DeleteEnded(ctx, retention.Records)
		return err
	})
}

// DeleteEnded deletes reservations that ended without a sale more than age ago, and returns their number. Sold reservations stay, because
// the stock law adds them up. If an order whose reservation was deleted is announced again, it is reserved once more, and the
// reconciliation releases that reservation.
func (s store) DeleteEnded(ctx context.Context, age time.Duration) (int64, error) {
	return database.DeleteInBatches(ctx, s.pool, `with old as (
			select order_id from reservations where state in ('FAILED', 'RELEASED', 'TOMBSTONE') and updated_at <= now() - $1::interval
			limit $2 for update skip locked),
		lines as (delete from reservation_lines where order_id in (select order_id from old)),
		outcomes as (delete from state where key in (select 'reservation-' || order_id from old)),
		-- the deletion of a document deletes its repeats, but a tombstone has no document
		counts as (delete from repeats where subject in (select order_id::text from old))
		delete from reservations where order_id in (select order_id from old)`, age)
}

package main

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"comanda/services/event"
	"comanda/services/internal/recovery"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/timeline"
)

// standingPath is the route of the service order for the standings of orders.
const standingPath = "/reconciliation/orders"

// reconciler compares the reservations with the orders of the service order.
type reconciler struct {
	store   store
	metrics *metrics
	timing  recovery.ReconciliationTiming
	invoker rest.Invoker
	log     *slog.Logger

	walked heldReservation // the last reservation that a round which ran out of time has compared
}

// run runs a round at each interval until ctx is done. It releases the stock of cancelled orders, and marks that of delivered orders as
// sold, if the event that announced their end was lost. It also releases the stock of orders that the service order no longer knows.
func (r *reconciler) run(ctx context.Context) {
	recovery.RunEvery(ctx, r.log, "reconciliation of reservations", r.timing.Every, r.runRound)
}

// runRound compares all reservations that have held stock for longer than timing.After, as far as its time allows; the next round
// continues. It does nothing while another replica runs a round.
func (r *reconciler) runRound(ctx context.Context) error {
	_, err := recovery.RunExclusively(ctx, r.store.pool, recovery.ReconciliationLease, func(ctx context.Context) error {
		held := recovery.Holder[heldReservation]{Invoker: r.invoker, Owner: "order", Path: standingPath,
			ID: func(h heldReservation) string { return h.OrderID }, Mend: r.reconcile}
		return held.Walk(ctx, &r.walked, func(ctx context.Context, after heldReservation, limit int) ([]heldReservation, error) {
			return r.store.Held(ctx, r.timing, after, limit)
		})
	})
	return err
}

// reconcile does with a reservation what the order's last event would have done. The reservation of an open order stays. If the service
// order has not known the order for timing.UnknownAfter, the reservation is released. To measure that time, reconcile records whether the
// service order knows the order.
func (r *reconciler) reconcile(ctx context.Context, reservation heldReservation, standing recovery.Standing, found bool) error {
	telemetry.SetOrder(ctx, reservation.OrderID)
	switch status := event.Status(standing.Status); {
	case !found && !reservation.Forgotten:
		return r.store.MarkUnknown(ctx, reservation.OrderID)
	case !found:
		return r.mend(ctx, reservation, recovery.MendedUnknown, r.store.Release)
	case status == event.StatusCancelled, status == event.StatusRejected:
		return r.mend(ctx, reservation, recovery.MendedEnded, r.store.Release)
	case status == event.StatusDelivered:
		return r.mend(ctx, reservation, recovery.MendedCompleted, r.store.Sell)
	}
	return r.store.MarkKnown(ctx, reservation.OrderID)
}

// mend calls updateStock and, if the reservation's state changed, counts the step.
func (r *reconciler) mend(
	ctx context.Context, reservation heldReservation, step string, updateStock func(context.Context, string, Cause) (State, bool, error),
) error {
	if _, changed, err := updateStock(ctx, reservation.OrderID, Cause{Cause: timeline.Cause{Kind: timeline.Recovery}}); err != nil || !changed {
		return err
	}
	r.metrics.RecordReconciled(ctx, reservation.OrderID, step)
	return nil
}

// heldReservation is a reservation that holds stock.
type heldReservation struct {
	OrderID   string
	UpdatedAt time.Time
	Forgotten bool // the service order has not known the order for timing.UnknownAfter
}

// Held returns up to limit reservations that have held stock for longer than timing.After, oldest first. The page begins after the
// reservation in after. updated_at is a time of the service's clock, and now() one of the database's clock. The two may differ, but by much
// less than the shortest sensible After.
func (s store) Held(
	ctx context.Context, timing recovery.ReconciliationTiming, after heldReservation, limit int,
) ([]heldReservation, error) {
	after.OrderID = cmp.Or(after.OrderID, uuid.Nil.String())
	rows, err := s.pool.Query(ctx, `select order_id::text, updated_at, coalesce(unknown_since <= now() - $2::interval, false)
		from reservations where state = 'RESERVED' and updated_at <= now() - $1::interval and (updated_at, order_id) > ($3, $4::uuid)
		order by updated_at, order_id limit $5`, timing.After, timing.UnknownAfter, after.UpdatedAt, after.OrderID, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[heldReservation])
}

// MarkUnknown records that from now on the service order does not know an order, unless an earlier time is recorded.
func (s store) MarkUnknown(ctx context.Context, orderID string) error {
	_, err := s.pool.Exec(ctx, `update reservations set unknown_since = now() where order_id = $1 and unknown_since is null`, orderID)
	return err
}

// MarkKnown records that the service order knows an order.
func (s store) MarkKnown(ctx context.Context, orderID string) error {
	_, err := s.pool.Exec(ctx, `update reservations set unknown_since = null where order_id = $1 and unknown_since is not null`, orderID)
	return err
}

// Standings returns the standings of the orders' reservations, for the service order. It leaves out orders without a reservation.
func (s store) Standings(ctx context.Context, orderIDs []string) ([]recovery.Standing, error) {
	rows, err := s.pool.Query(ctx, `select order_id::text, state, '' from reservations where order_id = any($1::uuid[])`, orderIDs)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[recovery.Standing])
}

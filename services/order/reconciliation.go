package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/recovery"
	"comanda/services/internal/telemetry"
)

// reservationsPath is product's route for the standings of reservations.
const reservationsPath = "/reconciliation/reservations"

// The states of a reservation that no longer holds stock, although the order may need it.
const (
	reservationReleased  = "RELEASED"
	reservationTombstone = "TOMBSTONE"
)

// reconciler compares the orders that need their stock with product's reservations. They differ after one of the two databases was
// restored from an older copy than the other.
type reconciler struct {
	*service
	timing recovery.ReconciliationTiming
	mended *prometheus.CounterVec
}

// run runs a round at each interval until ctx is done.
func (r reconciler) run(ctx context.Context) {
	recovery.RunEvery(ctx, r.log, "reconciliation of orders", r.timing.Every, r.runRound)
}

// runRound asks product about all orders that were confirmed, have not ended, and have not been written for timing.After. It does nothing
// while another replica runs a round.
func (r reconciler) runRound(ctx context.Context) error {
	_, err := recovery.RunExclusively(ctx, r.lists.pool, recovery.ReconciliationLease, func(ctx context.Context) (failed error) {
		open := recovery.Holder[waitingItem]{Invoker: r.invoker, Owner: "product", Path: reservationsPath,
			ID: func(o waitingItem) string { return o.ID }, Mend: r.reconcile}
		for _, status := range []event.Status{event.StatusConfirmed, event.StatusPreparing, event.StatusReady, event.StatusOutForDelivery} {
			err := open.Walk(ctx, new(waitingItem), func(ctx context.Context, after waitingItem, limit int) ([]waitingItem, error) {
				return r.lists.Open(ctx, status, r.timing, after, limit)
			})
			failed = errors.Join(failed, err)
		}
		return failed
	})
	return err
}

// reconcile mends an order whose reservation product does not know, or has released.
func (r reconciler) reconcile(ctx context.Context, order waitingItem, reservation recovery.Standing, known bool) error {
	switch {
	case !known:
		return r.mend(ctx, order, recovery.MendedUnknown, (*Order).reserveAgain)
	case reservation.Status == reservationReleased, reservation.Status == reservationTombstone:
		return r.mend(ctx, order, recovery.MendedEnded, (*Order).cancelReleased)
	}
	return nil
}

// mend calls change on an order. If change reports true, mend writes the order, publishes the message that change returned, and counts the
// step. Its span belongs to the trace of the request that placed the order.
func (r reconciler) mend(ctx context.Context, found waitingItem, step string, change func(*Order, *service) (event.Message, bool)) (err error) {
	ctx, span := telemetry.StartSpan(telemetry.ContinueTrace(ctx, found.Traceparent), "reconcile order", trace.SpanKindInternal)
	defer func() { telemetry.EndSpan(span, err) }()
	id := found.ID
	telemetry.SetOrder(ctx, id)
	mended := false
	order, err := r.orders.Change(ctx, id, func(o *Order) (message event.Message, _ error) {
		if message, mended = change(o, r.service); !mended {
			return event.NoMessage, document.ErrUnchanged
		}
		return message, nil
	})
	if err != nil || !mended {
		return err
	}
	if order.Status == event.StatusCancelled {
		r.metrics.RecordStatus(ctx, order)
	}
	r.mended.WithLabelValues(step).Inc()
	r.log.WarnContext(ctx, "order mended: product has no reservation for it", "orderId", id, "status", order.Status, "step", step)
	r.changes.Tell(id)
	return nil
}

// reserveAgain announces an order that was confirmed before, so that product reserves its stock again: product's database was restored from
// a copy that lacks the reservation. The order keeps its prices, because the service order ignores the second outcome as a duplicate. So the
// event has no expected total: new prices must not make product refuse the stock.
func (o *Order) reserveAgain(s *service) (event.Message, bool) {
	if o.Status == event.StatusPending || o.Status.Final() {
		return event.NoMessage, false
	}
	o.AnnouncedAt = s.now()
	o.Recovered.Add(o.recovered(stepReservationLost, o.AnnouncedAt))
	o.Announced++
	placed := o.placedEvent()
	placed.ExpectedTotalCents, placed.Currency = nil, ""
	return event.OrderCreatedPending.Message(o.ID, placed), true
}

// cancelReleased cancels an order whose stock product has released. The order was cancelled once, and then this service's database was
// restored from an older copy. An order that is already out for delivery stays unchanged.
func (o *Order) cancelReleased(s *service) (event.Message, bool) {
	switch o.Status {
	case event.StatusConfirmed, event.StatusPreparing, event.StatusReady:
	default:
		return event.NoMessage, false
	}
	o.setStatus(event.StatusCancelled, event.ReasonReleased, Actor{Role: "recovery"}, Cause{Kind: "timer"}, s.now())
	return event.OrderStatusChanged.Message(o.ID, o.statusEvent()), true
}

// openQuery selects a page of the orders in one status whose last write is older than @after by the database's clock, oldest first. The
// condition with any and the order by rule out orders_newest (pageQuery says why).
const openQuery = `
	select substr(key, length(@kind) + 2) as id, order_placed_at as created_at,
	       coalesce(doc(value) ->> 'trace', '') as traceparent from state
	where key like 'order-%' and order_status = any(array[@status]) and ` + recovery.Written + ` <= now() - @after::interval
	  and (order_placed_at, key) > (@at, @key)
	order by order_status desc, order_placed_at, key limit @limit`

// Open returns up to limit orders in a status whose last write is older than timing.After. The page begins after the order in
// after.
func (l lists) Open(
	ctx context.Context, status event.Status, timing recovery.ReconciliationTiming, after waitingItem, limit int,
) ([]waitingItem, error) {
	rows, err := l.pool.Query(ctx, openQuery, pgx.NamedArgs{
		"kind": kind, "status": string(status), "after": timing.After, "at": after.CreatedAt, "key": kind + "-" + after.ID, "limit": limit,
	})
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByNameLax[waitingItem])
}

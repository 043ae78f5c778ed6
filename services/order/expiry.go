package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/trace"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/recovery"
	"comanda/services/internal/telemetry"
)

// stepExpired is the value of the label step in the recovery's counter for a CONFIRMED order that the kitchen never started.
const stepExpired = "expired"

// Expiry says when a CONFIRMED order expires.
type Expiry struct {
	NotStarted time.Duration `env:"NOT_STARTED_AFTER" envDefault:"2h"` // time after its confirmation
}

// Check returns an error unless the time is longer than 0.
func (e Expiry) Check() error {
	if e.NotStarted <= 0 {
		return errors.New("NOT_STARTED_AFTER must be longer than 0")
	}
	return nil
}

// Expire cancels the order if it is CONFIRMED, so the kitchen has not started it. It reports whether it did.
func (o *Order) Expire(at time.Time) bool {
	if o.Status != event.StatusConfirmed {
		return false
	}
	o.setStatus(event.StatusCancelled, event.ReasonNotStarted, Actor{Role: "recovery"}, Cause{Kind: "timer"}, at)
	return true
}

// notStartedQuery selects a page of overdue CONFIRMED orders, oldest first. The last entry of their history is the confirmation. Other
// writes, such as that of an erasure, do not delay the expiry. An order was placed before it was confirmed, so the first condition on the
// time it was placed changes nothing, but keeps the scan of orders_in_status short. The condition with any and the order by rule out
// orders_newest (pageQuery says why). The second condition on that time is by the database's clock: a service whose clock was stepped
// must not cancel what has just been placed.
const notStartedQuery = `
	select substr(key, length(@kind) + 2) as id, order_placed_at as created_at,
	       coalesce(doc(value) ->> 'trace', '') as traceparent
	from state
	where key like 'order-%' and order_status = any(array['CONFIRMED']) and order_placed_at <= @confirmed
	  and state.created_at <= now() - @after::interval and instant(doc(value) -> 'history' -> -1 ->> 'at') <= @confirmed
	  and (order_placed_at, key) > (@at, @key)
	order by order_status desc, order_placed_at, key limit @limit`

// NotStarted returns up to limit CONFIRMED orders, oldest first. At the time now, they have been confirmed for expiry.NotStarted or longer.
// The page begins after the order in after.
func (l lists) NotStarted(ctx context.Context, expiry Expiry, now time.Time, after waitingItem, limit int) ([]waitingItem, error) {
	return l.collectWaiting(ctx, notStartedQuery, pgx.NamedArgs{
		"kind": kind, "confirmed": now.Add(-expiry.NotStarted), "after": expiry.NotStarted,
		"at": after.CreatedAt, "key": kind + "-" + after.ID, "limit": limit,
	})
}

// expireOrders cancels up to recovery.Budget orders that the kitchen did not start in time. The caller holds the lease of the recovery.
func (s *service) expireOrders(ctx context.Context) error {
	now := s.now()
	return recovery.RunRound(ctx, recovery.Budget, func(ctx context.Context, after waitingItem, limit int) ([]waitingItem, error) {
		return s.lists.NotStarted(ctx, s.expiry, now, after, limit)
	}, s.expireOrder)
}

// expireOrder cancels one order; product then releases its stock. An order that is no longer CONFIRMED stays unchanged. If the kitchen
// starts it at the same moment, one of the two writes fails by its ETag, and that writer reads the order again.
func (s *service) expireOrder(ctx context.Context, late waitingItem) (err error) {
	ctx, span := telemetry.StartSpan(telemetry.ContinueTrace(ctx, late.Traceparent), "expire order", trace.SpanKindInternal)
	defer func() { telemetry.EndSpan(span, err) }()
	telemetry.SetOrder(ctx, late.ID)
	expired := false
	order, err := s.orders.Change(ctx, late.ID, func(o *Order) (event.Message, error) {
		if expired = o.Expire(s.now()); !expired {
			return event.NoMessage, document.ErrUnchanged
		}
		return event.OrderStatusChanged.Message(o.ID, o.statusEvent()), nil
	})
	switch {
	case fault.Is(err, fault.KindNotFound): // deleted since the query
		return nil
	case err != nil:
		return fmt.Errorf("expire order %s: %w", late.ID, err)
	case expired:
		s.metrics.RecordExpired(ctx, order) // no s.changes.Tell: requests wait only for PENDING orders
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"comanda/services/event"
	"comanda/services/internal/await"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/recovery"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/timeline"
)

// service handles order's requests and events.
type service struct {
	log       *slog.Logger
	orders    document.Store[Order]
	erasures  document.Store[Erasure]
	lists     lists // queries over the same orders
	admission *admission
	menu      *menu
	repeats   timeline.Repeats
	invoker   rest.Invoker
	cursors   rest.Cursors
	metrics   *metrics
	changes   *await.Changes
	recovery  recovery.Timing
	limits    Limits
	expiry    Expiry
	now       func() time.Time // UTC, in microseconds, the precision of Postgres
}

// changeOrder calls apply on an order, and again when another write came first. The new state and its event are one write. Then it records
// the status and wakes the requests that wait for the order. If apply reports no change, changeOrder writes and records nothing, but still
// wakes the waiting requests: another replica may have made the change, or a write whose response was lost, and neither woke them.
func (s *service) changeOrder(ctx context.Context, id string, apply func(*Order) (changed bool, err error)) (Order, error) {
	telemetry.SetOrder(ctx, id)
	written := false
	order, err := s.orders.Change(ctx, id, func(o *Order) (_ event.Message, err error) {
		if written, err = apply(o); err != nil {
			return event.NoMessage, err
		}
		if !written {
			return event.NoMessage, document.ErrUnchanged
		}
		return event.OrderStatusChanged.Message(id, o.statusEvent()), nil
	})
	if err != nil {
		return order, err
	}
	if written {
		s.metrics.RecordStatus(ctx, order)
	}
	s.changes.Tell(id)
	return order, nil
}

// changeByRequest applies a caller's request to an order. For an order that the caller may not see, it returns NotFound. A request that
// has already changed the order is answered with the order as it is now, and counted for the timeline: under one key it takes effect
// once. This is checked before the precondition, which names the version before the first request and would fail.
func (s *service) changeByRequest(
	r *http.Request, id string, caller Caller, identity RequestIdentity, apply func(*Order) (changed bool, err error),
) (Order, error) {
	repeated := false
	applied := false // in an earlier attempt, whose response was lost: finding that write again is no repeat
	order, err := s.changeOrder(r.Context(), id, func(o *Order) (changed bool, err error) {
		if !o.VisibleTo(caller) {
			return false, notFound(id)
		}
		if repeated, err = o.Repeats(identity); repeated || err != nil {
			return false, err
		}
		if err := rest.PreconditionOf(r).Check(o.validators()); err != nil {
			return false, err
		}
		changed, err = apply(o)
		applied = applied || changed
		return changed, err
	})
	if errors.Is(err, errOtherRequest) {
		err = rest.KeyReused()
	}
	if err == nil && repeated && !applied {
		s.repeats.Count(r.Context(), id, order.repeat(order.requestedStep(identity), Cause{Kind: "request", ID: caller.TraceID}, s.now()))
	}
	return order, err
}

// visibleOrder returns an order that caller may see. For other callers it returns NotFound, as for an order that does not
// exist.
func (s *service) visibleOrder(ctx context.Context, id string, caller Caller) (Order, error) {
	telemetry.SetOrder(ctx, id)
	order, err := s.orders.Get(ctx, id)
	if err == nil && !order.VisibleTo(caller) {
		return Order{}, notFound(id)
	}
	return order, err
}

func notFound(id string) error { return fault.NotFound("order %s does not exist", id) }

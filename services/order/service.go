package main

import (
	"context"
	"log/slog"
	"time"

	"comanda/services/event"
	"comanda/services/internal/await"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/recovery"
	"comanda/services/internal/telemetry"
)

// service is order at work.
type service struct {
	log      *slog.Logger
	orders   document.Store[Order]
	lists    lists // the same orders, read with SQL
	menu     *menu
	metrics  *metrics
	changes  *await.Changes
	recovery recovery.Timing
	now      func() time.Time // UTC, in microseconds, which is what SQL can keep
}

// change applies a verb to an order and announces the state it leads to, in one write; then it tells of it, and wakes
// whoever waits for the order. A verb that changes nothing writes nothing.
func (s *service) change(ctx context.Context, id string, verb func(*Order) (bool, error)) (Order, error) {
	telemetry.SetOrder(ctx, id)
	changed := false
	order, err := s.orders.Change(ctx, id, func(o *Order) (_ event.Message, err error) {
		if changed, err = verb(o); err == nil && !changed {
			err = document.ErrUnchanged
		}
		return event.OrderStatusChanged.About(id, o.statusEvent()), err
	})
	if err != nil {
		return order, err
	}
	if changed {
		s.metrics.RecordStatus(ctx, order)
	}
	s.changes.Tell(id)
	return order, nil
}

// visible reads an order that caller may know of. To anyone else it is as if it were not there.
func (s *service) visibleOrder(ctx context.Context, id string, caller Caller) (Order, error) {
	telemetry.SetOrder(ctx, id)
	order, err := s.orders.Get(ctx, id)
	if err == nil && !order.VisibleTo(caller) {
		return Order{}, notFound(id)
	}
	return order, err
}

func notFound(id string) error { return fault.NotFound("order %s is not there", id) }

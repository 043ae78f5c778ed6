package main

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/trace"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/recovery"
	"comanda/services/internal/telemetry"
)

// runRecovery runs until ctx is done. It publishes the events of PENDING orders again and finally cancels those orders, so that no order
// stays PENDING for ever, even if an event is lost. It expires CONFIRMED orders that the kitchen never starts. It also settles erasures.
// The rounds run one after the other, because they share a lease.
func (s *service) runRecovery(ctx context.Context) {
	recovery.RunEvery(ctx, s.log, "recovery of overdue orders and erasures", s.recovery.Every, func(ctx context.Context) error {
		return errors.Join(s.recoverOrders(ctx), s.settleErasures(ctx))
	})
}

// recoverOrders announces PENDING orders again or gives them up, and then expires CONFIRMED orders: up to recovery.Budget of each, so that
// the recovery does not add to an overload. It does nothing while another replica has the lease.
func (s *service) recoverOrders(ctx context.Context) error {
	_, err := recovery.RunExclusively(ctx, s.lists.pool, recovery.Lease, func(ctx context.Context) error {
		recovered := recovery.RunRound(ctx, recovery.Budget, func(ctx context.Context, after waitingItem, limit int) ([]waitingItem, error) {
			return s.lists.Waiting(ctx, s.recovery, after, limit)
		}, s.recoverOrder)
		return errors.Join(recovered, s.expireOrders(ctx))
	})
	return err
}

// recoverOrder publishes the event of one PENDING order again or, if the order is to be given up, cancels it. Its span belongs to the trace
// of the request that placed the order. An order that is no longer PENDING, or that another replica has announced, stays unchanged.
func (s *service) recoverOrder(ctx context.Context, late waitingItem) (err error) {
	ctx, span := telemetry.StartSpan(telemetry.ContinueTrace(ctx, late.Traceparent), "recover order", trace.SpanKindInternal)
	defer func() { telemetry.EndSpan(span, err) }()
	telemetry.SetOrder(ctx, late.ID)
	step := ""
	order, err := s.orders.Change(ctx, late.ID, func(o *Order) (event.Message, error) {
		now := s.now()
		switch {
		case late.Overdue && o.GiveUp(now):
			step = recovery.GivenUp
			return event.OrderStatusChanged.Message(o.ID, o.statusEvent()), nil
		case o.AnnounceAgain(late.Announced, now):
			step = recovery.AnnouncedAgain
			return event.OrderCreatedPending.Message(o.ID, o.placedEvent()), nil
		}
		step = ""
		return event.NoMessage, document.ErrUnchanged
	})
	switch {
	case fault.Is(err, fault.KindNotFound): // deleted since the query
		return nil
	case err != nil:
		return fmt.Errorf("recover order %s: %w", late.ID, err)
	case step != "":
		s.metrics.RecordRecovery(ctx, order, step)
		s.changes.Tell(late.ID)
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/fault"
	"comanda/services/internal/timeline"
	"comanda/services/internal/validate"
)

// stockReserved confirms an order.
func (s *service) stockReserved(ctx context.Context, e event.Received[event.StockReserved]) error {
	cause := causeOf(e)
	return s.applyOutcome(ctx, e.Data.OrderID, event.StatusConfirmed, cause, func(o *Order) (bool, error) {
		return o.Confirm(e.Data, cause, s.now())
	})
}

func causeOf[T any](e event.Received[T]) Cause {
	cause := timeline.CauseOf(e)
	return Cause{Kind: cause.Kind, ID: cause.ID, At: e.Time}
}

// stockFailed rejects an order, or cancels it if product knows that it was cancelled.
func (s *service) stockFailed(ctx context.Context, e event.Received[event.StockFailed]) error {
	cause := causeOf(e)
	return s.applyOutcome(ctx, e.Data.OrderID, event.StatusRejected, cause, func(o *Order) (bool, error) {
		return o.Reject(e.Data, cause, s.now())
	})
}

// applyOutcome applies product's outcome, which leads to status, to an order. An impossible outcome becomes a dead letter without
// retries. It is counted for the timeline, and so is an outcome that changes nothing. Product learns of an order only after its commit. So
// an order that does not exist is missing since a restore of this service's database, and its event is postponed.
func (s *service) applyOutcome(
	ctx context.Context, id string, status event.Status, cause Cause, apply func(*Order) (changed bool, err error),
) error {
	if !validate.IsUUID(id) {
		return consumer.Reject(errors.New("orderId is not a UUID"))
	}
	// applied: apply has changed the order in some attempt (document.Store.Change repeats it). If a later attempt finds nothing to change,
	// the first write succeeded and only its response was lost, so it is no repeat.
	applied := false
	order, err := s.changeOrder(ctx, id, func(o *Order) (bool, error) {
		changed, err := apply(o)
		applied = applied || changed
		return changed, err
	})
	switch {
	case errors.Is(err, errMismatch), errors.Is(err, errContradiction):
		s.repeats.Count(ctx, id, order.repeat(stepOutcomeRefused, cause, s.now()))
		return consumer.Reject(fmt.Errorf("order %s: %w", id, err))
	case fault.Is(err, fault.KindNotFound):
		return consumer.Postpone(err)
	case err == nil && !applied:
		s.repeats.Count(ctx, id, order.repeat(order.repeatedStep(status), cause, s.now()))
	}
	return err
}

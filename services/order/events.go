package main

import (
	"context"
	"errors"
	"fmt"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/validate"
)

// stockReserved confirms an order. The event is retried if the order does not exist: product learns of an order only after
// its commit, so the fault may be temporary. If it persists, the event becomes a dead letter.
func (s *service) stockReserved(ctx context.Context, e event.Received[event.StockReserved]) error {
	return s.applyOutcome(ctx, e.Data.OrderID, func(o *Order) (bool, error) {
		return o.Confirm(e.Data, Cause{Kind: "event", ID: e.ID}, s.now())
	})
}

// stockFailed rejects an order.
func (s *service) stockFailed(ctx context.Context, e event.Received[event.StockFailed]) error {
	return s.applyOutcome(ctx, e.Data.OrderID, func(o *Order) (bool, error) {
		return o.Reject(e.Data, Cause{Kind: "event", ID: e.ID}, s.now())
	})
}

// applyOutcome applies product's outcome to an order. An impossible outcome becomes a dead letter without retries.
func (s *service) applyOutcome(ctx context.Context, id string, apply func(*Order) (changed bool, err error)) error {
	if !validate.IsUUID(id) {
		return consumer.Reject(errors.New("orderId is not a UUID"))
	}
	_, err := s.changeOrder(ctx, id, apply)
	if errors.Is(err, errMismatch) || errors.Is(err, errContradiction) {
		return consumer.Reject(fmt.Errorf("order %s: %w", id, err))
	}
	return err
}

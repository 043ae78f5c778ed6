package main

import (
	"context"
	"errors"
	"fmt"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/validate"
)

// reserved confirms an order. One that is not there is tried again: product cannot have heard of it before it was
// committed, so something is wrong that may pass, and if it does not the dead letters keep the event.
func (s *service) stockReserved(ctx context.Context, e event.Received[event.StockReserved]) error {
	return s.applyOutcome(ctx, e.Data.OrderID, func(o *Order) (bool, error) {
		return o.Confirm(e.Data, Cause{"event", e.ID}, s.now())
	})
}

// failed rejects an order.
func (s *service) stockFailed(ctx context.Context, e event.Received[event.StockFailed]) error {
	return s.applyOutcome(ctx, e.Data.OrderID, func(o *Order) (bool, error) {
		return o.Reject(e.Data, Cause{"event", e.ID}, s.now())
	})
}

// settle applies product's answer to an order. An answer that cannot be right is for the dead letters at once.
func (s *service) applyOutcome(ctx context.Context, id string, verb func(*Order) (bool, error)) error {
	if !validate.IsUUID(id) {
		return consumer.Reject(fmt.Errorf("%q is not the id of an order", id))
	}
	_, err := s.change(ctx, id, verb)
	if errors.Is(err, errMismatch) || errors.Is(err, errContradiction) {
		return consumer.Reject(fmt.Errorf("order %s: %w", id, err))
	}
	return err
}

// placed is the event that asks product to reserve.
func (o *Order) placedEvent() event.OrderPlaced {
	lines := make([]event.OrderLine, 0, len(o.Items))
	for _, line := range o.Items {
		lines = append(lines, event.OrderLine{ProductID: line.ProductID, Quantity: line.Quantity})
	}
	return event.OrderPlaced{OrderID: o.ID, Version: o.Version, CustomerID: o.CustomerID, Items: lines}
}

// changed is the event that tells of the state the order is in.
func (o *Order) statusEvent() event.OrderStatus {
	return event.OrderStatus{
		OrderID: o.ID, Version: o.Version, CustomerID: o.CustomerID, Status: o.Status, Reason: o.Reason, At: o.UpdatedAt,
	}
}

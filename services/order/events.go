package main

import (
	"context"
	"errors"
	"fmt"

	"comanda/services/event"
	"comanda/services/internal/consumer"
)

// reserved confirms an order. One that is not there is tried again: product cannot have heard of it before it was
// committed, so something is wrong that may pass, and if it does not the dead letters keep the event.
func (s *service) reserved(ctx context.Context, e event.Received[event.StockReserved]) error {
	return s.settle(ctx, e.Data.OrderID, func(o *Order) (bool, error) {
		return o.Confirm(e.Data, Cause{"event", e.ID}, s.now())
	})
}

// failed rejects an order.
func (s *service) failed(ctx context.Context, e event.Received[event.StockFailed]) error {
	return s.settle(ctx, e.Data.OrderID, func(o *Order) (bool, error) {
		return o.Reject(e.Data, Cause{"event", e.ID}, s.now())
	})
}

// settle applies product's answer to an order. An answer that cannot be right is for the dead letters at once.
func (s *service) settle(ctx context.Context, id string, verb func(*Order) (bool, error)) error {
	if !isID(id) {
		return consumer.Reject(fmt.Errorf("%q is not the id of an order", id))
	}
	_, err := s.change(ctx, id, verb)
	if errors.Is(err, errMismatch) || errors.Is(err, errContradiction) {
		return consumer.Reject(fmt.Errorf("order %s: %w", id, err))
	}
	return err
}

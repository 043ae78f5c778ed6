package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/telemetry"
)

// orderPlaced reserves stock for an order and announces the outcome, or that the order was cancelled. It writes the tables first, then the
// document with its event, and acknowledges last. After a crash in between, the event is delivered again and the tables return the
// recorded outcome.
func (s service) orderPlaced(ctx context.Context, received event.Received[event.OrderPlaced]) error {
	request, err := ParseOrder(received.Data)
	if err != nil {
		return consumer.Reject(err)
	}
	telemetry.SetOrder(ctx, request.OrderID)
	defer s.orderLocks.lock(request.OrderID)()
	cause := causeOf(received)
	reservation, repeated, err := s.store.Reserve(ctx, request, cause)
	if err != nil {
		return fmt.Errorf("reserve for order %s: %w", request.OrderID, err)
	}
	if repeated {
		s.repeats.Count(ctx, request.OrderID, repeatedRequest(reservation, cause, s.store.now()))
	} else {
		s.metrics.RecordDecision(ctx, reservation)
	}
	return s.announcer.Announce(ctx, reservation, repeated)
}

// orderLocks lets this process handle only one order.created.pending of an order at a time (orderPlaced). The tables are safe without it.
// But two handlers that create the same document conflict, and with an unmodified daprd a conflict blocks a partition of the outbox for
// good. Handlers in two replicas may still conflict; with our daprd that does no harm.
type orderLocks [4096]sync.Mutex

// lock locks the order and returns the function that unlocks it. A few orders share a mutex: then one waits for the other, and is not decided
// together with it.
func (l *orderLocks) lock(orderID string) (unlock func()) {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(orderID))
	mutex := &l[hash.Sum32()%uint32(len(l))]
	mutex.Lock()
	return mutex.Unlock
}

// orderStatusChanged releases the stock of a cancelled order and marks that of a delivered order as sold. Other statuses do
// not affect the stock.
func (s service) orderStatusChanged(ctx context.Context, received event.Received[event.OrderStatus]) error {
	telemetry.SetOrder(ctx, received.Data.OrderID)
	updateStock, repeatedStep := s.store.Release, repeatedCancellation
	switch received.Data.Status {
	case event.StatusCancelled:
	case event.StatusDelivered:
		updateStock, repeatedStep = s.store.Sell, repeatedDelivery
	default:
		return nil
	}
	orderID, err := canonicalID(received.Data.OrderID)
	if err != nil {
		return consumer.Reject(fmt.Errorf("orderId: %w", err))
	}
	cause := causeOf(received)
	state, changed, err := updateStock(ctx, orderID, cause)
	if err == nil && !changed {
		s.repeats.Count(ctx, orderID, repeatedStep(state, cause, s.store.now()))
	}
	if errors.Is(err, errContradiction) {
		s.repeats.Count(ctx, orderID, repeat(stepRefusedStatus, state, cause, s.store.now()))
		return consumer.Reject(err)
	}
	if errors.Is(err, errUnknownOrder) { // its reservation is missing since a restore, until order announces it again
		err = consumer.Postpone(err)
	}
	if err != nil {
		return fmt.Errorf("update the stock of order %s, which is %s: %w", orderID, received.Data.Status, err)
	}
	return nil
}

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

// orderPlaced reserves what the order wants and answers it. First the tables, then the document with its event, then the
// acknowledgement: after a crash in between the event comes again, and the tables answer what they answered before.
func (s service) orderPlaced(ctx context.Context, received event.Received[event.OrderPlaced]) error {
	orderID, lines, err := ParseOrder(received.Data)
	if err != nil {
		return consumer.Reject(err)
	}
	telemetry.SetOrder(ctx, orderID)
	defer s.orderLocks.lock(orderID)()
	reservation, repeated, err := s.store.Reserve(ctx, orderID, lines)
	if err != nil {
		return fmt.Errorf("reserve for order %s: %w", orderID, err)
	}
	if !repeated {
		s.metrics.RecordDecision(ctx, reservation)
	}
	if !reservation.NeedsAnnouncement() {
		return nil // the order is cancelled or delivered: nobody waits for an answer
	}
	return s.announcer.Announce(ctx, reservation, repeated)
}

// turns lets the events of one order that this process hears at once take turns. The tables do not need it. But two that
// write the same new document conflict, and on a stock runtime a conflict blocks a partition of the outbox for good.
// Replicas may still conflict; with our own runtime that does no harm.
type orderLocks [256]sync.Mutex

// take waits for the order's turn and returns what ends it. Some orders share a turn.
func (l *orderLocks) lock(orderID string) (done func()) {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(orderID))
	mutex := &l[hash.Sum32()%uint32(len(l))]
	mutex.Lock()
	return mutex.Unlock
}

// orderStatusChanged gives back what a cancelled order had reserved, and sells what a delivered one had. What else becomes
// of an order does not touch the stock.
func (s service) orderStatusChanged(ctx context.Context, received event.Received[event.OrderStatus]) error {
	telemetry.SetOrder(ctx, received.Data.OrderID)
	updateStock := s.store.Release
	switch received.Data.Status {
	case event.StatusCancelled:
	case event.StatusDelivered:
		updateStock = s.store.Sell
	default:
		return nil
	}
	orderID, err := canonicalID(received.Data.OrderID)
	if err != nil {
		return consumer.Reject(fmt.Errorf("orderId: %w", err))
	}
	err = updateStock(ctx, orderID)
	if errors.Is(err, errImpossible) {
		return consumer.Reject(err)
	}
	if err != nil {
		return fmt.Errorf("order %s is %s: %w", orderID, received.Data.Status, err)
	}
	return nil
}

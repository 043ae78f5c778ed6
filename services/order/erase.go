package main

import (
	"context"
	"errors"
	"fmt"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/deadletter"
	"comanda/services/internal/document"
	"comanda/services/internal/recovery"
	"comanda/services/internal/validate"
)

// eraseCustomer handles deleting.user: it refuses new orders of the customer, removes the person from the existing ones, deletes the
// person's dead letters, and answers. A repeated event continues where the first attempt stopped, and is answered again.
func (s *service) eraseCustomer(ctx context.Context, e event.Received[event.UserToErase]) error {
	id := e.Data.UserID
	if !validate.IsUUID(id) {
		return consumer.Reject(errors.New("userId is not a UUID"))
	}
	err := s.erasures.Create(ctx, id, Erasure{CustomerID: id, BegunAt: s.now()}, event.NoMessage)
	if err != nil && !errors.Is(err, document.ErrExists) {
		return err
	}
	if err := s.removeFromOrders(ctx, id); err != nil {
		return err
	}
	if err := deadletter.Erase(ctx, s.lists.pool, id); err != nil {
		return err
	}
	_, err = s.erasures.Change(ctx, id, func(*Erasure) (event.Message, error) { // the same document again, for the event
		return event.DeletingUserResponse.Message(id,
			event.UserErasure{UserID: id, Version: e.Data.Version, Service: "order", Outcome: event.UserErased}), nil
	})
	return err
}

// removeFromOrders removes a customer from all orders that still have the person.
func (s *service) removeFromOrders(ctx context.Context, customer string) error {
	return recovery.RunRound(ctx, recovery.NoBudget, func(ctx context.Context, after waitingItem, limit int) ([]waitingItem, error) {
		return s.lists.WithPerson(ctx, customer, after, limit)
	}, func(ctx context.Context, found waitingItem) error {
		_, err := s.orders.Change(ctx, found.ID, func(o *Order) (event.Message, error) {
			if !o.RemovePerson(s.now()) {
				return event.NoMessage, document.ErrUnchanged
			}
			return event.NoMessage, nil
		})
		return err
	})
}

// settleErasures searches once more for orders of customers who were erased a while ago: a request that was checked before the
// erasure existed may have placed one. It does nothing while another replica has the lease of the recovery.
func (s *service) settleErasures(ctx context.Context) error {
	_, err := recovery.RunExclusively(ctx, s.lists.pool, recovery.Lease, func(ctx context.Context) error {
		return recovery.RunRound(ctx, recovery.NoBudget, func(ctx context.Context, after waitingItem, limit int) ([]waitingItem, error) {
			return s.lists.Unsettled(ctx, s.now().Add(-settleAfter), after, limit)
		}, s.settleErasure)
	})
	return err
}

// settleErasure removes the person from the orders that this last search finds, and marks the erasure as settled.
func (s *service) settleErasure(ctx context.Context, found waitingItem) error {
	if err := s.removeFromOrders(ctx, found.ID); err != nil {
		return fmt.Errorf("settle the erasure of %s: %w", found.ID, err)
	}
	_, err := s.erasures.Change(ctx, found.ID, func(erasure *Erasure) (event.Message, error) {
		erasure.SettledAt = s.now()
		return event.NoMessage, nil
	})
	return err
}

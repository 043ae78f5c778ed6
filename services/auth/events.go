package main

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
)

// hear takes user's answer to a registration: the account becomes ACTIVE or REJECTED. An answer that comes again changes
// nothing; one that comes too late, to an account given up, is answered with the cancellation again.
func (s service) hear(ctx context.Context, e event.Received[event.UserOutcome]) error {
	answer := e.Data
	if err := uuid.Validate(answer.UserID); err != nil {
		return consumer.Reject(fmt.Errorf("userId %q: %w", answer.UserID, err))
	}
	if answer.Outcome != event.UserCreated && answer.Outcome != event.UserRejected {
		return consumer.Reject(fmt.Errorf("outcome %q is not known", answer.Outcome))
	}
	settled := false
	account, err := s.documents.Change(ctx, answer.UserID, func(a *Account) (event.Message, error) {
		before := a.Status
		message, write := a.Hear(answer, s.now())
		if settled = a.Status != before; !write {
			return event.None, document.ErrUnchanged
		}
		return message, nil
	})
	if fault.Is(err, fault.KindNotFound) { // we asked, so it was there: trying again will not bring it back
		return consumer.Reject(fmt.Errorf("an answer about an account that does not exist: %w", err))
	}
	if err != nil {
		return err
	}
	if settled {
		s.journal.Entered(ctx, account)
	}
	s.changes.Tell(answer.UserID)
	return nil
}

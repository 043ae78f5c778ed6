package main

import (
	"context"
	"fmt"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/validate"
)

// hear takes user's answer to a registration: the account becomes ACTIVE or REJECTED. An answer that comes again changes
// nothing; one that comes too late, to an account given up, is answered with the cancellation again.
func (s service) hear(ctx context.Context, e event.Received[event.UserOutcome]) error {
	answer := e.Data
	if !validate.IsUUID(answer.UserID) {
		return consumer.Reject(fmt.Errorf("userId %.50q is not a UUID", answer.UserID))
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
		s.metrics.RecordStatus(ctx, account)
	}
	s.changes.Tell(answer.UserID)
	return nil
}

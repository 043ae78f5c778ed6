package main

import (
	"context"
	"errors"
	"fmt"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/timeline"
	"comanda/services/internal/validate"
)

// handleOutcome handles user's outcome of a registration: the account becomes ACTIVE or REJECTED. A repeated outcome changes
// nothing. A profile created after the account was rejected is cancelled again. A rejection of an ACTIVE account becomes a dead letter.
func (s service) handleOutcome(ctx context.Context, e event.Received[event.UserOutcome]) error {
	outcome := e.Data
	if !validate.IsUUID(outcome.UserID) {
		return consumer.Reject(errors.New("userId is not a UUID"))
	}
	if outcome.Outcome != event.UserCreated && outcome.Outcome != event.UserRejected {
		return consumer.Reject(errors.New("the outcome is unknown"))
	}
	decided := false // by this outcome
	tried := false   // an attempt wrote the account; if the next finds nothing to change, that write succeeded and its response was lost
	cause := timeline.CauseOf(e)
	account, err := s.documents.Change(ctx, outcome.UserID, func(a *Account) (event.Message, error) {
		before := a.Status
		message, write := a.ApplyOutcome(outcome, s.now())
		if decided = a.Status != before; !write {
			return event.NoMessage, document.ErrUnchanged
		}
		tried = true
		a.addStep(a.outcomeStep(decided), cause, timeline.Actor{Role: "user"}, s.now(), e.Time)
		return message, nil
	})
	if fault.Is(err, fault.KindNotFound) { // auth published the request, so the account existed: a retry cannot restore it
		return consumer.Reject(fmt.Errorf("outcome for an account that does not exist: %w", err))
	}
	if err != nil {
		return err
	}
	if account.Status == Active && outcome.Outcome == event.UserRejected { // user decides a registration once
		s.countRepeat(ctx, account, stepOutcomeRefused, cause)
		return consumer.Reject(fmt.Errorf("the profile of account %s was created, and cannot be rejected now", account.ID))
	}
	if !tried {
		s.countRepeat(ctx, account, account.outcomeStep(true), cause)
	}
	if decided {
		s.metrics.RecordStatus(ctx, account)
	}
	s.changes.Tell(outcome.UserID)
	return nil
}

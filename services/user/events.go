package main

import (
	"context"
	"errors"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/validate"
)

// maxAttempts limits how often createProfile starts over after losing a race. After that the whole event is retried.
const maxAttempts = 3

// createProfile handles creating.user: it creates the profile, or a tombstone with the reason, and publishes the outcome. A
// repeated request publishes the recorded outcome again. After a cancellation or an erasure it publishes nothing.
func (s service) createProfile(ctx context.Context, e event.Received[event.UserToCreate]) error {
	if err := checkID(e.Data.UserID); err != nil {
		return err
	}
	var err error
	for range maxAttempts {
		if err = s.repeatOutcome(ctx, e.Data.UserID, causeOf(e)); !fault.Is(err, fault.KindNotFound) {
			return err
		}
		var again bool
		if again, err = s.decideRequest(ctx, e.Data, causeOf(e)); !again {
			return err
		}
	}
	return err
}

// repeatOutcome publishes the recorded outcome of a registration again. After a cancellation or an erasure it publishes nothing, and counts
// the request for the timeline. It returns NotFound if nothing is recorded yet.
func (s service) repeatOutcome(ctx context.Context, id string, cause cause) error {
	late := false
	profile, err := s.documents.Change(ctx, id, func(p *Profile) (event.Message, error) {
		outcome, ok := p.Outcome()
		if late = !ok; late {
			return event.NoMessage, document.ErrUnchanged
		}
		p.Steps.Add(p.step(p.decisionStep(), cause, s.now()))
		return event.CreatingUserResponse.Message(p.ID, outcome), nil
	})
	if err == nil && late {
		s.repeats.Count(ctx, id, profile.step(stepRequestIgnored, cause, s.now()))
	}
	return err
}

// decideRequest decides a registration that has no recorded outcome. It reports whether to try again because it lost a race
// against a delivery of the same request.
func (s service) decideRequest(ctx context.Context, request event.UserToCreate, cause cause) (again bool, err error) {
	now := s.now()
	profile := NewProfile(request, now)
	taken, err := s.phoneTaken(ctx, request.Phone, request.UserID)
	if err != nil {
		return false, err
	}
	if taken {
		profile = NewRejected(request.UserID, event.ReasonPhoneTaken, now)
	}
	profile.Steps.Add(profile.step(profile.decisionStep(), cause, now))
	outcome, _ := profile.Outcome()
	err = s.documents.Create(ctx, profile.ID, profile, event.CreatingUserResponse.Message(profile.ID, outcome))
	return errors.Is(err, document.ErrExists), err
}

// cancelProfile handles creating.user.cancelled: it turns the profile into a tombstone. If there is no profile yet, it stores
// a tombstone so that a late request cannot create one. The cancellation of a profile that is in use becomes a dead letter.
func (s service) cancelProfile(ctx context.Context, e event.Received[event.UserCancelled]) error {
	if err := checkID(e.Data.UserID); err != nil {
		return err
	}
	cause := causeOf(e)
	cancelExisting := func() error {
		tried := false // an attempt cancelled the profile; if the next finds no change to make, that write succeeded and its response was lost
		profile, err := s.documents.Change(ctx, e.Data.UserID, func(p *Profile) (event.Message, error) {
			changed, err := p.Cancel(e.Data.Reason, s.now())
			if err == nil && !changed {
				err = document.ErrUnchanged
			}
			if tried = tried || changed; changed {
				p.Steps.Add(p.step(stepCancelled, cause, s.now()))
			}
			return event.NoMessage, err
		})
		if err == nil && !tried {
			s.repeats.Count(ctx, e.Data.UserID, profile.step(stepCancelled, cause, s.now()))
		}
		if errors.Is(err, errContradiction) {
			s.repeats.Count(ctx, e.Data.UserID, profile.step(stepCancellationRefused, cause, s.now()))
			return consumer.Reject(err)
		}
		return err
	}
	err := cancelExisting()
	if !fault.Is(err, fault.KindNotFound) {
		return err
	}
	tombstone := NewCancelled(e.Data.UserID, e.Data.Reason, s.now())
	tombstone.Steps.Add(tombstone.step(stepCancelled, cause, s.now()))
	err = s.documents.Create(ctx, e.Data.UserID, tombstone, event.NoMessage)
	if errors.Is(err, document.ErrExists) { // the profile was created in between
		return cancelExisting()
	}
	return err
}

// checkID rejects an event whose account id is not valid: a retry cannot help.
func checkID(id string) error {
	if !validate.IsUUID(id) {
		return consumer.Reject(errors.New("userId is not a UUID"))
	}
	return nil
}

package main

import (
	"context"
	"errors"

	"comanda/services/event"
	"comanda/services/internal/deadletter"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
)

// eraseProfile handles deleting.user: it deletes what the tables hold about the person, turns the profile into a tombstone and answers. If
// there is no profile, it stores a tombstone so that a late creating.user cannot create one. A repeated request is answered again.
func (s service) eraseProfile(ctx context.Context, e event.Received[event.UserToErase]) error {
	id := e.Data.UserID
	if err := checkID(id); err != nil {
		return err
	}
	answer := event.DeletingUserResponse.Message(id,
		event.UserErasure{UserID: id, Version: e.Data.Version, Service: "user", Outcome: event.UserErased})
	if err := s.eraseTraces(ctx, id); err != nil {
		return err
	}
	eraseExisting := func() error {
		_, err := s.documents.Change(ctx, id, func(p *Profile) (event.Message, error) {
			p.Erase(s.now())
			p.Steps.Add(p.step(stepErased, causeOf(e), s.now()))
			return answer, nil
		})
		return err
	}
	err := eraseExisting()
	if !fault.Is(err, fault.KindNotFound) {
		return err
	}
	tombstone := NewErased(id, s.now())
	tombstone.Steps.Add(tombstone.step(stepErased, causeOf(e), s.now()))
	err = s.documents.Create(ctx, id, tombstone, answer)
	if errors.Is(err, document.ErrExists) { // the profile was created in between
		return eraseExisting()
	}
	return err
}

// eraseTraces deletes what the tables hold about a person: the counts of the timeline, and the dead letters, which may hold the
// registration. It runs before the profile is gone, because a record that is no event has no subject: only the e-mail and the phone
// number lead to it.
func (s service) eraseTraces(ctx context.Context, id string) error {
	if err := s.repeats.Forget(ctx, id); err != nil {
		return err
	}
	profile, err := s.documents.Get(ctx, id)
	if err != nil && !fault.Is(err, fault.KindNotFound) {
		return err
	}
	return deadletter.Erase(ctx, s.pool, id, profile.Email, profile.Phone)
}

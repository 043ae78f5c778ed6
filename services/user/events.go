package main

import (
	"context"
	"errors"
	"fmt"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/validate"
)

// maxAttempts is how often create looks again when somebody was faster, before the event is tried again as a whole.
const maxAttempts = 3

// create answers creating.user: it makes the profile, or the record of why not, and announces the outcome. Asked again, it
// announces the recorded outcome again; for one that was cancelled it announces nothing.
func (s service) createProfile(ctx context.Context, e event.Received[event.UserToCreate]) error {
	if err := checkID(e.Data.UserID); err != nil {
		return err
	}
	var err error
	for range maxAttempts {
		if err = s.repeatOutcome(ctx, e.Data.UserID); !fault.Is(err, fault.KindNotFound) {
			return err
		}
		var again bool
		if again, err = s.decideRequest(ctx, e.Data); !again {
			return err
		}
	}
	return err
}

// repeat announces the recorded outcome of a registration; NotFound when there is none yet.
func (s service) repeatOutcome(ctx context.Context, id string) error {
	_, err := s.documents.Change(ctx, id, func(p *Profile) (event.Message, error) {
		outcome, ok := p.Outcome()
		if !ok {
			return event.None, document.ErrUnchanged
		}
		return event.CreatingUserResponse.About(p.ID, outcome), nil
	})
	return err
}

// first decides on a registration that is not known yet. It says whether to look again, because somebody was faster: with
// this very profile, or with another one that has the same phone.
func (s service) decideRequest(ctx context.Context, request event.UserToCreate) (again bool, err error) {
	now := s.now()
	profile := NewProfile(request, now)
	taken, err := s.phoneTaken(ctx, request.Phone, request.UserID)
	if err != nil {
		return false, err
	}
	if taken {
		profile = NewRejected(request.UserID, event.ReasonPhoneTaken, now)
	}
	outcome, _ := profile.Outcome()
	err = s.documents.Create(ctx, profile.ID, profile, event.CreatingUserResponse.About(profile.ID, outcome))
	switch {
	case errors.Is(err, document.ErrExists):
		return true, err
	case err != nil && !taken: // the unique index may have refused it: the sidecar does not say
		raced, lookErr := s.phoneTaken(ctx, request.Phone, request.UserID)
		return raced && lookErr == nil, err
	}
	return false, err
}

// cancel removes the profile of a registration that auth has given up, or sees to it that it is never made.
func (s service) cancelProfile(ctx context.Context, e event.Received[event.UserCancelled]) error {
	if err := checkID(e.Data.UserID); err != nil {
		return err
	}
	bury := func() error {
		_, err := s.documents.Change(ctx, e.Data.UserID, func(p *Profile) (event.Message, error) {
			if !p.Cancel(e.Data.Reason, s.now()) {
				return event.None, document.ErrUnchanged
			}
			return event.None, nil
		})
		return err
	}
	err := bury()
	if !fault.Is(err, fault.KindNotFound) {
		return err
	}
	err = s.documents.Create(ctx, e.Data.UserID, NewCancelled(e.Data.UserID, e.Data.Reason, s.now()), event.None)
	if errors.Is(err, document.ErrExists) { // the profile was made in between
		return bury()
	}
	return err
}

func checkID(id string) error {
	if !validate.IsUUID(id) {
		return consumer.Reject(fmt.Errorf("userId %.50q is not a UUID", id))
	}
	return nil
}

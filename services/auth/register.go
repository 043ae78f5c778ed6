package main

import (
	"context"
	"errors"

	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/idempotency"
	"comanda/services/internal/telemetry"
)

// enrol makes the account of a checked registration, or finds the one that the same request has made before. Conflict when
// the e-mail is taken.
func (s service) enrol(ctx context.Context, r Registration, key string, roles ...string) (Account, error) {
	id := idempotency.ID("account", r.Email, key)
	earlier, err := s.repeated(ctx, id, r)
	if !fault.Is(err, fault.KindNotFound) {
		return earlier, err
	}
	if err := s.emailFree(ctx, r.Email, id); err != nil {
		return Account{}, err
	}
	hash, err := s.passwords.hash(r.Password)
	if err != nil {
		return Account{}, err
	}
	account := Open(id, r, hash, roles, s.now())
	account.Trace = telemetry.Traceparent(ctx)
	err = s.documents.Create(ctx, id, account, account.Wanted())
	switch {
	case err == nil:
		s.metrics.RecordStatus(ctx, account)
	case errors.Is(err, document.ErrExists):
		return s.repeated(ctx, id, r)
	default: // the unique index may have refused it: the sidecar does not say
		if taken := s.emailFree(ctx, r.Email, id); fault.Is(taken, fault.KindConflict) {
			return Account{}, taken
		}
	}
	return account, err
}

// repeated finds what the same request has made before. The key alone does not prove that it is the same: the password has
// to be, too.
func (s service) repeated(ctx context.Context, id string, r Registration) (Account, error) {
	account, err := s.documents.Get(ctx, id)
	if err == nil && !s.passwords.match(account.PasswordHash, r.Password) {
		return Account{}, idempotency.ErrOtherBody()
	}
	return account, err
}

// emailFree is a Conflict when email is that of a PENDING or ACTIVE account other than id.
func (s service) emailFree(ctx context.Context, email, id string) error {
	taken, err := s.emailTaken(ctx, email, id)
	if err != nil {
		return err
	}
	if taken {
		return fault.Conflict("there is an account with this e-mail already")
	}
	return nil
}

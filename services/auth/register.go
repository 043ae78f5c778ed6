package main

import (
	"context"
	"errors"

	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/idempotency"
	"comanda/services/internal/telemetry"
)

// createAccount creates the account of a registration that Check has validated, or returns the one that the same request
// created before. Conflict when the e-mail is taken.
func (s service) createAccount(ctx context.Context, r Registration, key string, roles ...string) (Account, error) {
	id := idempotency.ID("account", r.Email, key)
	earlier, err := s.findRepeated(ctx, id, r)
	if !fault.Is(err, fault.KindNotFound) {
		return earlier, err
	}
	if err := s.checkEmailFree(ctx, r.Email, id); err != nil {
		return Account{}, err
	}
	hash, err := s.passwords.hash(r.Password)
	if err != nil {
		return Account{}, err
	}
	account := NewAccount(id, r, hash, roles, s.now())
	account.Traceparent = telemetry.Traceparent(ctx)
	err = s.documents.Create(ctx, id, account, account.ProfileRequest())
	switch {
	case err == nil:
		s.metrics.RecordStatus(ctx, account)
	case errors.Is(err, document.ErrExists):
		return s.findRepeated(ctx, id, r)
	default: // the unique index may have refused the write; the sidecar does not report the cause
		if taken := s.checkEmailFree(ctx, r.Email, id); fault.Is(taken, fault.KindConflict) {
			return Account{}, taken
		}
	}
	return account, err
}

// findRepeated returns the account that the same request created before. The same key is not enough: the password and all other
// data must match as well.
func (s service) findRepeated(ctx context.Context, id string, r Registration) (Account, error) {
	account, err := s.documents.Get(ctx, id)
	if err != nil {
		return account, err
	}
	sameData := account.Fingerprint == "" || account.Fingerprint == r.fingerprint()
	if !s.passwords.matches(account.PasswordHash, r.Password) || !sameData {
		return Account{}, idempotency.ErrOtherBody()
	}
	return account, nil
}

// checkEmailFree returns Conflict when a PENDING, ACTIVE or DELETING account other than id has email.
func (s service) checkEmailFree(ctx context.Context, email, id string) error {
	taken, err := s.emailTaken(ctx, email, id)
	if err != nil {
		return err
	}
	if taken {
		return fault.Conflict("there is an account with this e-mail already")
	}
	return nil
}

package main

import (
	"context"
	"errors"

	"comanda/services/internal/audit"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/timeline"
)

// createAccount creates the account of a registration that Check has validated, and asks user for its profile. If the same request created
// an account before, createAccount returns that one and counts the repetition. client is the client's network, or empty. It returns
// Conflict when the e-mail is taken.
func (s service) createAccount(ctx context.Context, client string, r Registration, key string, roles ...string) (Account, error) {
	candidates := s.ids.candidates(r.Email, key)
	for _, id := range candidates {
		earlier, err := s.findRepeated(ctx, client, id, r)
		if err == nil {
			s.countRepeat(ctx, earlier, stepRegistered, timeline.Cause{Kind: timeline.Request, ID: telemetry.TraceID(ctx)})
		}
		if !fault.Is(err, fault.KindNotFound) {
			return earlier, err
		}
	}
	id := candidates[0]
	if err := s.checkEmailFree(ctx, r.Email, id); err != nil {
		return Account{}, err
	}
	hash, err := s.passwords.hash(ctx, client, r.Password)
	if err != nil {
		return Account{}, err
	}
	account := NewAccount(id, r, hash, roles, s.now())
	account.Traceparent = telemetry.Traceparent(ctx)
	account.addStep(stepRegistered, timeline.Cause{Kind: timeline.Request, ID: telemetry.TraceID(ctx)},
		timeline.Actor{Role: "customer", ID: id}, account.CreatedAt)
	if account.isAdmin() {
		account.record(audit.New(ctx, audit.AdminRegistered, id, nil, rolesState{roles}))
	}
	for range document.MaxDuplicates {
		err = s.documents.Create(ctx, id, account, account.ProfileRequest())
		if err == nil {
			s.metrics.RecordStatus(ctx, account)
			return account, nil
		}
		if errors.Is(err, document.ErrExists) {
			return s.findRepeated(ctx, client, id, r)
		}
		// The unique index may have refused the write.
		if taken := s.checkEmailFree(ctx, r.Email, id); fault.Is(taken, fault.KindConflict) {
			return Account{}, taken
		}
		if !document.IsDuplicate(err) {
			break
		}
		// The account that had the e-mail was rejected since, so the e-mail is free.
	}
	return account, err
}

// findRepeated returns the account that the same request created before. Not only the key must be the same, but also the password and all
// other data. Comparing the password counts as a login, because it tells a guesser as much.
func (s service) findRepeated(ctx context.Context, client, id string, r Registration) (Account, error) {
	account, err := s.documents.Get(ctx, id)
	if err != nil {
		return account, err
	}
	attempt, err := s.throttle.admit(ctx, r.Email, client, s.now())
	if err != nil {
		return Account{}, err
	}
	defer attempt.end()
	right, err := s.passwords.matches(ctx, client, account.PasswordHash, r.Password)
	if err == nil {
		err = attempt.record(ctx, right, s.now())
	}
	if err != nil {
		return Account{}, err
	}
	sameData := account.Fingerprint == "" || account.Fingerprint == r.fingerprint()
	if !right || !sameData {
		return Account{}, rest.KeyReused()
	}
	return account, nil
}

// checkEmailFree returns Conflict when another account than id, which was not rejected, has email.
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

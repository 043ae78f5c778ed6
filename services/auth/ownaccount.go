package main

import (
	"context"
	"net/http"

	"comanda/services/event"
	"comanda/services/internal/audit"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// ownerRequest returns the identity of a request of an account's owner. The account keeps the last one, so that a repetition changes
// nothing. The repetition must be recognised before the token is checked, because the first request may have made the token invalid.
func ownerRequest(purpose, account, key string) string {
	return rest.IDFromKey(purpose, account, key)
}

// logOutEverywhere invalidates the tokens of all sessions of the caller's account.
func (s service) logOutEverywhere(w http.ResponseWriter, r *http.Request) error {
	key, err := rest.IdempotencyKey(r)
	if err != nil {
		return err
	}
	if err := rest.DecodeOptional(w, r, &struct{}{}); err != nil {
		return err
	}
	claims := token.From(r.Context())
	request := ownerRequest("log out everywhere", claims.Subject, key)
	_, err = s.documents.Change(r.Context(), claims.Subject, func(a *Account) (event.Message, error) {
		if a.LastRequest == request {
			return event.NoMessage, document.ErrUnchanged
		}
		if err := a.admit(claims, token.Customer); err != nil {
			return event.NoMessage, err
		}
		a.LogOutEverywhere(request, s.now())
		a.record(audit.New(r.Context(), audit.SessionsEnded, a.ID, nil, nil))
		return event.NoMessage, nil
	})
	if fault.Is(err, fault.KindNotFound) {
		err = fault.BadToken("the account of the token does not exist: log in again")
	}
	if err != nil {
		return err
	}
	return writeNothing(w)
}

func writeNothing(w http.ResponseWriter) error {
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// passwordChange is the body of a request for another password.
type passwordChange struct {
	CurrentPassword string `json:"currentPassword"`
	NewPassword     string `json:"newPassword"`
}

// changePassword replaces the password of the caller's account. All sessions end except the session of the caller's token.
func (s service) changePassword(w http.ResponseWriter, r *http.Request) error {
	key, err := rest.IdempotencyKey(r)
	if err != nil {
		return err
	}
	var body passwordChange
	if err := rest.Decode(w, r, &body); err != nil {
		return err
	}
	if err := requireMembers("currentPassword", body.CurrentPassword, "newPassword", body.NewPassword); err != nil {
		return err
	}
	if err := s.replacePassword(r.Context(), body, key); err != nil {
		return err
	}
	return writeNothing(w)
}

// replacePassword changes the password of the caller in ctx, unless the same request has already changed it. It returns Invalid for a
// wrong current password, for an unacceptable new one, and for a repetition with another new one. It returns Limited after too many wrong
// passwords, as for a login.
func (s service) replacePassword(ctx context.Context, change passwordChange, key string) error {
	account, err := accountByID(ctx, s.pool, token.From(ctx).Subject)
	if fault.Is(err, fault.KindNotFound) {
		return fault.BadToken("the account of the token does not exist: log in again")
	}
	if err != nil {
		return err
	}
	request := ownerRequest("change of the password", account.ID, key)
	if account.LastRequest == request {
		return s.checkOwnPassword(ctx, account, change.NewPassword, rest.KeyReused())
	}
	if err := account.admit(token.From(ctx), token.Customer); err != nil {
		return err
	}
	wrong := fault.Wrong("currentPassword", "must be the password of the account")
	if err := s.checkOwnPassword(ctx, account, change.CurrentPassword, wrong); err != nil {
		return err
	}
	hash, err := s.hashNewPassword(ctx, account, change)
	if err != nil {
		return err
	}
	return s.writePassword(ctx, account, hash, request)
}

// checkOwnPassword returns the error wrong unless the account has the password. A wrong password counts as at a login, so that a thief of
// a token cannot use this to guess the password.
func (s service) checkOwnPassword(ctx context.Context, account Account, password string, wrong error) error {
	attempt, err := s.throttle.admit(ctx, account.Email, rest.Client(ctx), s.now())
	if err != nil {
		return err
	}
	defer attempt.end()
	right, err := s.passwords.matches(ctx, rest.Client(ctx), account.PasswordHash, password)
	if err == nil {
		err = attempt.record(ctx, right, s.now())
	}
	if err == nil && !right {
		err = wrong
	}
	return err
}

// hashNewPassword checks the new password as a registration does, and hashes it. Unlike a registration it does not know the name in the
// profile.
func (s service) hashNewPassword(ctx context.Context, account Account, change passwordChange) (string, error) {
	var prepared, problem string
	err := s.passwords.queue.runWork(ctx, rest.Client(ctx), func() {
		prepared, problem = checkPassword(change.NewPassword, account.Email, "")
	})
	if err != nil {
		return "", err
	}
	if problem == "" && change.NewPassword == change.CurrentPassword {
		problem = "must be another one than the current password"
	}
	if problem != "" {
		return "", fault.Wrong("newPassword", "%s", problem)
	}
	return s.passwords.hash(ctx, rest.Client(ctx), prepared)
}

// writePassword writes the hash, unless another request has changed the password since the account checked was read.
func (s service) writePassword(ctx context.Context, checked Account, hash, request string) error {
	claims := token.From(ctx)
	_, err := s.documents.Change(ctx, checked.ID, func(a *Account) (event.Message, error) {
		if a.LastRequest == request { // our own write, whose response was lost, or a repetition at the same time
			return event.NoMessage, document.ErrUnchanged
		}
		if err := a.admit(claims, token.Customer); err != nil {
			return event.NoMessage, err
		}
		if a.PasswordHash != checked.PasswordHash {
			return event.NoMessage, fault.Conflict("the password has just been changed: log in, then repeat the request")
		}
		a.ChangePassword(hash, claims.Session, request, s.now())
		a.record(audit.New(ctx, audit.PasswordChanged, a.ID, nil, nil))
		return event.NoMessage, nil
	})
	return err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/event"
	"comanda/services/internal/audit"
	"comanda/services/internal/await"
	"comanda/services/internal/consumer"
	"comanda/services/internal/deadletter"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/token"
	"comanda/services/internal/validate"
)

// maxLoginAge is how long after a login its token can erase the account: a stolen token of a refresh cannot.
const maxLoginAge = 5 * time.Minute

// erasureState is the progress of an erasure, as clients see it.
type erasureState struct {
	UserID      string    `json:"userId"`
	Status      Status    `json:"status"`
	RequestedAt time.Time `json:"requestedAt"`
	CompletedAt time.Time `json:"completedAt,omitzero"`
}

// eraseOwnAccount begins the erasure of the caller's account. A repeated request gets the progress.
func (s service) eraseOwnAccount(w http.ResponseWriter, r *http.Request) error {
	claims := token.From(r.Context())
	if !claims.LoggedInSince(s.now().Add(-maxLoginAge)) {
		return fault.StaleLogin("this needs the token of a login in the last %d minutes: log in, then repeat the request",
			int(maxLoginAge/time.Minute))
	}
	account, err := s.beginErasure(r.Context(), claims.Subject)
	if err != nil {
		return err
	}
	w.Header().Set("Location", erasurePath(account.ID))
	return writeErasure(w, r, http.StatusAccepted, account)
}

// beginErasure makes an account DELETING and asks the other services to erase it. An admin's erasure takes turns with changes of roles:
// two admins who leave at the same time must not each rely on the other.
func (s service) beginErasure(ctx context.Context, id string) (account Account, err error) {
	const noOther = false // not looked up: only the erasure of an admin depends on it
	account, begun, err := s.markDeleting(ctx, id, noOther)
	if fault.Is(err, fault.KindConflict) { // an admin
		err = s.inTurn(ctx, func(tx pgx.Tx) error {
			replaceable, err := anotherAdmin(ctx, tx, id)
			if err != nil {
				return err
			}
			account, begun, err = s.markDeleting(ctx, id, replaceable)
			return err
		})
	}
	if fault.Is(err, fault.KindNotFound) {
		return account, noAccount()
	}
	if err == nil && begun {
		s.metrics.RecordErasure(ctx, account)
	}
	return account, err
}

// markDeleting writes the account and its event. It reports whether the erasure began now.
func (s service) markDeleting(ctx context.Context, id string, replaceable bool) (account Account, begun bool, err error) {
	account, err = s.documents.Change(ctx, id, func(a *Account) (_ event.Message, err error) {
		if a.Erasure == nil {
			err = a.admit(token.From(ctx), token.Customer)
		}
		if err != nil {
			return event.NoMessage, err
		}
		if begun, err = a.BeginErasure(replaceable, telemetry.Traceparent(ctx), s.now()); err != nil {
			return event.NoMessage, err
		}
		if !begun {
			return event.NoMessage, document.ErrUnchanged
		}
		a.record(audit.New(ctx, audit.AccountErased, a.ID, nil, nil))
		return a.ErasureRequest(), nil
	})
	return account, begun, err
}

// showErasure returns the progress of an erasure. With Prefer: wait=N (RFC 7240) it waits up to N seconds until it is complete.
func (s service) showErasure(w http.ResponseWriter, r *http.Request) error {
	id := rest.Param(r, "userId")
	if !validate.IsUUID(id) {
		return noErasure()
	}
	wait := await.Wait(r)
	account, err := await.Until(r.Context(), s.changes, id, wait, func(ctx context.Context) (Account, bool, error) {
		account, err := s.documents.Get(ctx, id)
		return account, account.Status != Deleting, err
	})
	if fault.Is(err, fault.KindNotFound) || err == nil && account.Erasure == nil {
		return noErasure()
	}
	if err != nil {
		return err
	}
	await.Applied(w, wait)
	return writeErasure(w, r, http.StatusOK, account)
}

func noErasure() error { return fault.NotFound("no erasure of such an account has begun") }

func erasurePath(id string) string { return "/api/v1/auth/erasures/" + id }

func writeErasure(w http.ResponseWriter, r *http.Request, status int, a Account) error {
	w.Header().Set("Content-Location", erasurePath(a.ID))
	return rest.Resource(w, r, status, a.validators(), erasureState{a.ID, a.Status, a.Erasure.BegunAt, a.Erasure.CompletedAt})
}

// handleErasure handles a service's answer to deleting.user. After the last answer the account is ERASED. A repeated answer changes
// nothing. An answer that contradicts the account, or comes from another service, becomes a dead letter.
func (s service) handleErasure(ctx context.Context, e event.Received[event.UserErasure]) error {
	answer := e.Data
	switch {
	case !validate.IsUUID(answer.UserID):
		return consumer.Reject(errors.New("userId is not a UUID"))
	case answer.Outcome != event.UserErased:
		return consumer.Reject(errors.New("the outcome is unknown"))
	case !slices.Contains(holders(), answer.Service), e.Source != answer.Service: // a service answers only for itself
		return consumer.Reject(errors.New("the service has nothing to erase"))
	}
	err := s.applyErasure(ctx, answer)
	if fault.Is(err, fault.KindNotFound) || errors.Is(err, errNotDeleting) { // a retry cannot change that
		return consumer.Reject(fmt.Errorf("answer of %s: account %s: %w", answer.Service, answer.UserID, err))
	}
	return err
}

// applyErasure first deletes the refresh tokens and the repeats of the account, then changes its document, and after the last answer
// deletes its dead letters. If it stops in between, the repeated event does the rest.
func (s service) applyErasure(ctx context.Context, answer event.UserErasure) error {
	account, err := s.documents.Get(ctx, answer.UserID)
	if err == nil && account.Erasure == nil {
		err = errNotDeleting
	}
	if err == nil {
		err = errors.Join(s.sessions.deleteAll(ctx, answer.UserID), s.repeats.Forget(ctx, answer.UserID))
	}
	if err != nil {
		return err
	}
	completed := false
	account, err = s.documents.Change(ctx, answer.UserID, func(a *Account) (event.Message, error) {
		changed, err := a.ApplyErasure(answer.Service, s.now())
		if completed = changed && a.Status == Erased; err == nil && !changed {
			err = document.ErrUnchanged
		}
		return event.NoMessage, err
	})
	if err == nil && completed {
		s.metrics.RecordErasure(ctx, account)
	}
	s.changes.Tell(answer.UserID)
	if err == nil && account.Status == Erased { // also for a repeated answer: the last one may have stopped here
		err = deadletter.Erase(ctx, s.pool, answer.UserID)
	}
	return err
}

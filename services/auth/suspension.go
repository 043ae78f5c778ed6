package main

import (
	"context"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/event"
	"comanda/services/internal/audit"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/validate"
)

// maxReason is the maximum length of the reason of a suspension in characters.
const maxReason = 200

// showAccount returns an account as admins see it.
func (s service) showAccount(w http.ResponseWriter, r *http.Request) error {
	account, err := s.accountInPath(r)
	if err != nil {
		return err
	}
	return writeAccount(w, r, account)
}

// accountInPath reads the account that the path names.
func (s service) accountInPath(r *http.Request) (Account, error) {
	id := rest.Param(r, "userId")
	if !validate.IsUUID(id) {
		return Account{}, noAccount()
	}
	account, err := s.documents.Get(r.Context(), id)
	if fault.Is(err, fault.KindNotFound) {
		return account, noAccount()
	}
	return account, err
}

// writeAccount writes an account as admins see it. Content-Location says that the response to a PUT is the whole account, not the
// body that was sent (RFC 9110, 8.7); therefore the response may carry an ETag.
func writeAccount(w http.ResponseWriter, r *http.Request, a Account) error {
	w.Header().Set("Content-Location", "/api/v1/auth/accounts/"+a.ID)
	return rest.Resource(w, r, http.StatusOK, a.validators(), struct {
		UserID    string    `json:"userId"`
		Email     string    `json:"email"`
		Status    Status    `json:"status"`
		Reason    string    `json:"reason,omitempty"`
		Roles     []string  `json:"roles"`
		Version   int       `json:"version"`
		CreatedAt time.Time `json:"createdAt"`
		UpdatedAt time.Time `json:"updatedAt"`
	}{a.ID, a.Email, a.Status, a.statusReason(), a.Roles, a.Version, a.CreatedAt, a.UpdatedAt})
}

// statusReason returns why the account is REJECTED or SUSPENDED, as admins see it.
func (a Account) statusReason() string {
	if a.Status == Suspended {
		return a.Suspension
	}
	return a.Reason
}

// setStatus suspends or reinstates an account.
func (s service) setStatus(w http.ResponseWriter, r *http.Request) error {
	id := rest.Param(r, "userId")
	if !validate.IsUUID(id) {
		return noAccount()
	}
	var body struct {
		Status Status `json:"status"`
		Reason string `json:"reason"`
	}
	if err := rest.Decode(w, r, &body); err != nil {
		return err
	}
	reason, wrong := validate.OptionalLine("reason", body.Reason, maxReason)
	if body.Status != Active && body.Status != Suspended {
		wrong = append(wrong, fault.Field{Field: "status", Message: "must be ACTIVE or SUSPENDED"})
	}
	if body.Status == Active && reason != "" {
		wrong = append(wrong, fault.Field{Field: "reason", Message: "must be left out for ACTIVE"})
	}
	if len(wrong) > 0 {
		return fault.Invalid(wrong...)
	}
	account, err := s.setAccountStatus(r.Context(), id, body.Status, reason, rest.PreconditionOf(r))
	if err != nil {
		return err
	}
	return writeAccount(w, r, account)
}

// setAccountStatus makes an account ACTIVE or SUSPENDED, if the precondition holds. Conflict for the last ACTIVE admin.
func (s service) setAccountStatus(
	ctx context.Context, id string, status Status, reason string, condition rest.Precondition,
) (account Account, err error) {
	err = s.inTurn(ctx, func(tx pgx.Tx) error {
		replaceable, err := anotherAdmin(ctx, tx, id)
		if err != nil {
			return err
		}
		account, err = s.changeStatus(ctx, id, status, reason, replaceable, condition)
		return err
	})
	if fault.Is(err, fault.KindNotFound) {
		return account, noAccount()
	}
	return account, err
}

// changeStatus writes the status if the precondition holds. replaceable: another ACTIVE admin exists.
func (s service) changeStatus(
	ctx context.Context, id string, status Status, reason string, replaceable bool, condition rest.Precondition,
) (Account, error) {
	tried := false
	return s.documents.Change(ctx, id, func(a *Account) (event.Message, error) {
		before, was, lastAdmin := a.validators(), statusOf(*a), a.Status == Active && a.isAdmin() && !replaceable
		changed, err := a.SetStatus(status, reason, s.now())
		if err == nil && !changed && tried { // our own write, whose response was lost: its precondition held
			return event.NoMessage, document.ErrUnchanged
		}
		tried = true
		if failed := condition.Check(before); failed != nil {
			return event.NoMessage, failed
		}
		switch {
		case err != nil:
			return event.NoMessage, err
		case lastAdmin && status == Suspended:
			return event.NoMessage, errLastAdmin()
		case !changed:
			return event.NoMessage, document.ErrUnchanged
		}
		action := audit.AccountReinstated
		if status == Suspended {
			action = audit.AccountSuspended
		}
		a.record(audit.New(ctx, action, a.ID, was, statusOf(*a)))
		return event.NoMessage, nil
	})
}

// statusState is what the audit trail holds about a suspension.
type statusState struct {
	Status Status `json:"status"`
	Reason string `json:"reason,omitempty"`
}

func statusOf(a Account) statusState { return statusState{a.Status, a.Suspension} }

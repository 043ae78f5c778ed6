package main

import (
	"context"
	"net/http"
	"slices"

	"github.com/jackc/pgx/v5"

	"comanda/services/event"
	"comanda/services/internal/audit"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
	"comanda/services/internal/validate"
)

// showRoles returns an account with its roles, so that an admin can see them, and change them with If-Match.
func (s service) showRoles(w http.ResponseWriter, r *http.Request) error {
	account, err := s.accountInPath(r)
	if err != nil {
		return err
	}
	return writeRoles(w, r, account)
}

// writeRoles writes an account with its roles. Content-Location says that the response to a PUT is the account as it is now, not the
// body that was sent (RFC 9110, 8.7); therefore the response may carry an ETag.
func writeRoles(w http.ResponseWriter, r *http.Request, account Account) error {
	w.Header().Set("Content-Location", "/api/v1/auth/accounts/"+account.ID+"/roles")
	return rest.Resource(w, r, http.StatusOK, account.validators(), struct {
		UserID string   `json:"userId"`
		Email  string   `json:"email"`
		Status Status   `json:"status"`
		Roles  []string `json:"roles"`
	}{account.ID, account.Email, account.Status, account.Roles})
}

func (s service) setRoles(w http.ResponseWriter, r *http.Request) error {
	id := rest.Param(r, "userId")
	if !validate.IsUUID(id) {
		return noAccount()
	}
	var body struct {
		Roles []string `json:"roles"`
	}
	if err := rest.Decode(w, r, &body); err != nil {
		return err
	}
	roles, err := checkRoles(body.Roles)
	if err != nil {
		return err
	}
	account, err := s.setAccountRoles(r.Context(), id, roles, rest.PreconditionOf(r))
	if err != nil {
		return err
	}
	return writeRoles(w, r, account)
}

// setAccountRoles replaces an account's roles with roles, which checkRoles has validated, if the precondition holds. The same
// write invalidates its refresh tokens. Conflict when that would leave no ACTIVE admin: only an admin can appoint one. Changes of
// roles take turns, so that two admins who give up the role at once do not each count on the other.
func (s service) setAccountRoles(
	ctx context.Context, id string, roles []string, condition rest.Precondition,
) (account Account, err error) {
	err = s.inTurn(ctx, func(tx pgx.Tx) error {
		replaceable, err := anotherAdmin(ctx, tx, id)
		if err != nil {
			return err
		}
		account, err = s.changeRoles(ctx, id, roles, replaceable, condition)
		return err
	})
	if fault.Is(err, fault.KindNotFound) {
		return account, noAccount()
	}
	return account, err
}

// changeRoles writes the roles if the precondition holds. replaceable: another ACTIVE admin exists. Otherwise the role admin
// cannot be removed.
func (s service) changeRoles(
	ctx context.Context, id string, roles []string, replaceable bool, condition rest.Precondition,
) (Account, error) {
	tried := false
	return s.documents.Change(ctx, id, func(a *Account) (event.Message, error) {
		before, lastAdmin, had := a.validators(), a.Status == Active && a.isAdmin() && !replaceable, a.Roles
		changed := a.GrantRoles(roles, s.now())
		if !changed && tried { // our own write, whose response was lost: its precondition held
			return event.NoMessage, document.ErrUnchanged
		}
		tried = true
		if err := condition.Check(before); err != nil {
			return event.NoMessage, err
		}
		switch {
		case a.Status == Rejected:
			return event.NoMessage, fault.Conflict("the registration of this account was rejected")
		case lastAdmin && !slices.Contains(roles, token.Admin):
			return event.NoMessage, errLastAdmin()
		case !changed:
			return event.NoMessage, document.ErrUnchanged
		}
		a.record(audit.New(ctx, audit.RolesChanged, a.ID, rolesState{had}, rolesState{roles}))
		return event.NoMessage, nil
	})
}

// rolesState is what the audit trail holds about roles.
type rolesState struct {
	Roles []string `json:"roles"`
}

func errLastAdmin() error {
	return fault.Conflict("this is the last admin: make another account an admin first")
}

// anotherAdmin reports whether an ACTIVE account other than id is an admin.
func anotherAdmin(ctx context.Context, tx pgx.Tx, id string) (another bool, err error) {
	err = tx.QueryRow(ctx, `select exists (select from accounts
		where document->>'status' = 'ACTIVE' and document->'roles' ? 'admin' and id <> $1)`, id).Scan(&another)
	return another, err
}

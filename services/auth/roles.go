package main

import (
	"context"
	"net/http"
	"slices"

	"github.com/jackc/pgx/v5"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
	"comanda/services/internal/validate"
)

// showRoles returns an account with its roles, so that an admin can see them, and change them with If-Match.
func (s service) showRoles(w http.ResponseWriter, r *http.Request) error {
	id := rest.Param(r, "userId")
	if !validate.IsUUID(id) {
		return noAccount()
	}
	account, err := s.documents.Get(r.Context(), id)
	if fault.Is(err, fault.KindNotFound) || err == nil && account.Erasure != nil {
		return noAccount()
	}
	if err != nil {
		return err
	}
	return writeAccount(w, r, account)
}

// writeAccount writes an account as admins see it. Content-Location says that the response to a PUT is the account as it is now,
// not the body that was sent (RFC 9110, 8.7); therefore the response may carry an ETag.
func writeAccount(w http.ResponseWriter, r *http.Request, account Account) error {
	w.Header().Set("Content-Location", "/api/v1/auth/accounts/"+account.ID+"/roles")
	return rest.Resource(w, r, http.StatusOK, account.validators(), struct {
		UserID string   `json:"userId"`
		Email  string   `json:"email"`
		Status Status   `json:"status"`
		Roles  []string `json:"roles"`
	}{account.ID, account.Email, account.Status, account.Roles})
}

// rolesLock is the advisory lock under which roles change. The number is arbitrary, but used for nothing else in the database.
const rolesLock = 7303

// setAccountRoles replaces an account's roles with roles, which checkRoles has validated, if the precondition holds. The same
// write invalidates its refresh tokens. Conflict when that would leave no ACTIVE admin: only an admin can appoint one. Changes of
// roles take turns, so that two admins who give up the role at once do not each count on the other.
func (s service) setAccountRoles(
	ctx context.Context, id string, roles []string, condition rest.Precondition,
) (account Account, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, rolesLock); err != nil {
			return err
		}
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
		before, lastAdmin := a.validators(), a.Status == Active && a.isAdmin() && !replaceable
		changed := a.GrantRoles(roles, s.now())
		if !changed && tried { // our own write, whose response was lost: its precondition held
			return event.NoMessage, document.ErrUnchanged
		}
		tried = true
		if err := condition.Check(before); err != nil {
			return event.NoMessage, err
		}
		switch {
		case a.Erasure != nil:
			return event.NoMessage, noAccount()
		case a.Status == Rejected:
			return event.NoMessage, fault.Conflict("the registration of this account was rejected")
		case lastAdmin && !slices.Contains(roles, token.Admin):
			return event.NoMessage, errLastAdmin()
		case !changed:
			return event.NoMessage, document.ErrUnchanged
		}
		return event.NoMessage, nil
	})
}

// anotherAdmin reports whether an ACTIVE account other than id is an admin.
func anotherAdmin(ctx context.Context, tx pgx.Tx, id string) (another bool, err error) {
	err = tx.QueryRow(ctx, `select exists (select from accounts
		where document->>'status' = 'ACTIVE' and document->'roles' ? 'admin' and id <> $1)`, id).Scan(&another)
	return another, err
}

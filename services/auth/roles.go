package main

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/token"
)

// rolesLock is the advisory lock under which roles change. The number is arbitrary, but used for nothing else in the database.
const rolesLock = 7303

// setAccountRoles replaces an account's roles with the checked ones. The same write invalidates its refresh tokens. Conflict when
// that would leave no ACTIVE admin: only an admin can appoint one. Changes of roles take turns, so that two admins who give up
// the role at once do not each count on the other.
func (s service) setAccountRoles(ctx context.Context, id string, roles []string) (account Account, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, rolesLock); err != nil {
			return err
		}
		replaceable, err := anotherAdmin(ctx, tx, id)
		if err != nil {
			return err
		}
		account, err = s.changeRoles(ctx, id, roles, replaceable)
		return err
	})
	if fault.Is(err, fault.KindNotFound) {
		return account, noAccount()
	}
	return account, err
}

// changeRoles writes the roles. Only a replaceable admin may lose the role.
func (s service) changeRoles(ctx context.Context, id string, roles []string, replaceable bool) (Account, error) {
	return s.documents.Change(ctx, id, func(a *Account) (event.Message, error) {
		switch {
		case a.Status == Rejected:
			return event.NoMessage, fault.Conflict("the registration of this account was rejected")
		case a.Status == Active && a.isAdmin() && !slices.Contains(roles, token.Admin) && !replaceable:
			return event.NoMessage, fault.Conflict("this is the last admin: make another account an admin first")
		case !a.GrantRoles(roles, s.now()):
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

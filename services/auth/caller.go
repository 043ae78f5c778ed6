package main

import (
	"context"
	"net/http"
	"slices"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// byAdmin guards the handler of a route for admins. A token keeps its roles for its life, so the caller's own account is read
// first: an admin who was demoted or suspended could otherwise take the role back. Every route for admins needs it.
func (s service) byAdmin(handle rest.Handler) rest.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := checkAdmin(r.Context(), s.pool); err != nil {
			return err
		}
		return handle(w, r)
	}
}

// checkAdmin returns an error unless the caller in ctx is an admin now.
func checkAdmin(ctx context.Context, q querier) error {
	_, err := readCaller(ctx, q, token.Admin)
	return err
}

// readCaller returns the account of the caller in ctx if it may act now in a role.
func readCaller(ctx context.Context, q querier, role string) (Account, error) {
	claims := token.From(ctx)
	account, err := accountByID(ctx, q, claims.Subject)
	if fault.Is(err, fault.KindNotFound) {
		return account, fault.BadToken("the account of the token does not exist: log in again")
	}
	if err == nil {
		err = account.admit(claims, role)
	}
	return account, err
}

// admit returns an error unless the account may act now, in a role, with a token that has these claims.
func (a Account) admit(claims token.Claims, role string) error {
	switch {
	case a.Status == Suspended:
		return fault.Forbidden("the account is suspended: ask an administrator")
	case a.Status != Active:
		return fault.Forbidden("the account is not active")
	case !slices.Contains(a.Roles, role):
		return fault.MissingRole("the account has lost the role %s", role)
	case !a.accepts(claims.Session, claims.Epoch):
		return fault.BadToken("the account has changed since the token was issued: refresh it, or log in again")
	}
	return nil
}

// rolesLock is the advisory lock for changes that make or remove an admin. The number is arbitrary, and no other lock in the database
// uses it.
const rolesLock = 7303

// inTurn runs a change that an admin makes to accounts. Such changes take turns, so that two admins who give up the role at the same time
// do not each rely on the other. The caller's account is read again inside the turn, because the change before may have demoted the
// caller.
func (s service) inTurn(ctx context.Context, change func(pgx.Tx) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, rolesLock); err != nil {
			return err
		}
		if err := checkAdmin(ctx, tx); err != nil {
			return err
		}
		return change(tx)
	})
}

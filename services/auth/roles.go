package main

import (
	"context"
	"net/http"

	"comanda/services/internal/audit"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
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

// setRoles replaces the roles of an account.
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
// write invalidates its tokens.
func (s service) setAccountRoles(ctx context.Context, id string, roles []string, condition rest.Precondition) (Account, error) {
	return s.changeAccount(ctx, id, condition, func(a *Account) (act audit.Entry, changed bool, err error) {
		if a.Status == Rejected {
			return act, false, fault.Conflict("the registration of this account was rejected")
		}
		had := a.Roles
		changed = a.GrantRoles(roles, s.now())
		return audit.New(ctx, audit.RolesChanged, id, rolesState{had}, rolesState{roles}), changed, nil
	})
}

// rolesState is an account's roles before or after a change, as the audit trail holds them.
type rolesState struct {
	Roles []string `json:"roles"`
}

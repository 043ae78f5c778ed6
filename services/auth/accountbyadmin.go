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

// showAccount returns an account as admins see it.
func (s service) showAccount(w http.ResponseWriter, r *http.Request) error {
	account, err := s.accountInPath(r)
	if err != nil {
		return err
	}
	return writeAccount(w, r, account)
}

// searchAccounts lists the account that logs in with the e-mail in the body, or nothing. The e-mail is not in the URL, because the
// sidecars' spans and the logs of proxies hold URLs.
func (s service) searchAccounts(w http.ResponseWriter, r *http.Request) error {
	var search struct {
		Email string `json:"email"`
	}
	if err := rest.Decode(w, r, &search); err != nil {
		return err
	}
	email, ok := loginEmail(search.Email)
	if !ok {
		return fault.Wrong("email", "must be an e-mail address")
	}
	found := rest.List[accountResponse]{Items: []accountResponse{}}
	account, err := s.accountByEmail(r.Context(), email)
	switch {
	case err != nil && !fault.Is(err, fault.KindNotFound):
		return err
	case err == nil && account.Erasure == nil:
		found.Items = append(found.Items, toResponse(account))
	}
	return rest.JSON(w, http.StatusOK, found)
}

// accountInPath reads the account that the path names. It returns NotFound for one whose erasure has begun.
func (s service) accountInPath(r *http.Request) (Account, error) {
	id := rest.Param(r, "userId")
	if !validate.IsUUID(id) {
		return Account{}, noAccount()
	}
	account, err := s.documents.Get(r.Context(), id)
	if fault.Is(err, fault.KindNotFound) || err == nil && account.Erasure != nil {
		return Account{}, noAccount()
	}
	return account, err
}

// writeAccount writes an account as admins see it. Content-Location says that the response to a PUT is the whole account, not the
// body that was sent (RFC 9110, 8.7); therefore the response may carry an ETag.
func writeAccount(w http.ResponseWriter, r *http.Request, a Account) error {
	w.Header().Set("Content-Location", "/api/v1/auth/accounts/"+a.ID)
	return rest.Resource(w, r, http.StatusOK, a.validators(), toResponse(a))
}

// accountResponse is an account as admins see it.
type accountResponse struct {
	UserID    string    `json:"userId"`
	Email     string    `json:"email"`
	Status    Status    `json:"status"`
	Reason    string    `json:"reason,omitempty"`
	Roles     []string  `json:"roles"`
	Version   int       `json:"version"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

func toResponse(a Account) accountResponse {
	return accountResponse{a.ID, a.Email, a.Status, a.statusReason(), a.Roles, a.Version, a.CreatedAt, a.UpdatedAt}
}

// statusReason returns why the account is REJECTED or SUSPENDED, as admins see it.
func (a Account) statusReason() string {
	if a.Status == Suspended {
		return a.Suspension
	}
	return a.Reason
}

// changeAccount changes an account for an admin, if the precondition holds, and records the act that change returns. It returns Conflict
// if the change would leave no ACTIVE admin, because only an admin can appoint one.
func (s service) changeAccount(
	ctx context.Context, id string, condition rest.Precondition, change func(*Account) (act audit.Entry, changed bool, err error),
) (account Account, err error) {
	err = s.inTurn(ctx, func(tx pgx.Tx) error {
		replaceable, err := anotherAdmin(ctx, tx, id) // as an admin
		if err != nil {
			return err
		}
		tried := false
		account, err = s.documents.Change(ctx, id, func(a *Account) (event.Message, error) {
			if a.Erasure != nil {
				return event.NoMessage, noAccount()
			}
			before, wasAdmin := a.validators(), a.actsAsAdmin()
			act, changed, refused := change(a)
			if refused == nil && !changed && tried { // our own write, whose response was lost: its precondition held
				return event.NoMessage, document.ErrUnchanged
			}
			tried = true
			if err := condition.Check(before); err != nil {
				return event.NoMessage, err
			}
			switch {
			case refused != nil:
				return event.NoMessage, refused
			case wasAdmin && !a.actsAsAdmin() && !replaceable:
				return event.NoMessage, errLastAdmin()
			case !changed:
				return event.NoMessage, document.ErrUnchanged
			}
			a.record(act)
			return event.NoMessage, nil
		})
		return err
	})
	if fault.Is(err, fault.KindNotFound) {
		return account, noAccount()
	}
	return account, err
}

// actsAsAdmin reports whether the account is an admin that can act.
func (a Account) actsAsAdmin() bool { return a.Status == Active && a.isAdmin() }

// anotherAdmin reports whether an ACTIVE account other than id is an admin.
func anotherAdmin(ctx context.Context, tx pgx.Tx, id string) (another bool, err error) {
	err = tx.QueryRow(ctx, `select exists (select from accounts
		where document->>'status' = 'ACTIVE' and document->'roles' ? 'admin' and id <> $1)`, id).Scan(&another)
	return another, err
}

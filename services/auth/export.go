package main

import (
	"context"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// maxExportedSessions bounds the export. Expired sessions are deleted, so an account has few.
const maxExportedSessions = 1000

// exportedAccount is an account in the export of its owner. It has no hashes.
type exportedAccount struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Status    Status    `json:"status"`
	Roles     []string  `json:"roles"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// exportedSession is a login that is still valid.
type exportedSession struct {
	ID        string    `json:"id"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// exportAccount returns the caller's account and sessions. Internal: the service user adds the rest of the export.
func (s service) exportAccount(w http.ResponseWriter, r *http.Request) error {
	account, err := s.documents.Get(r.Context(), token.From(r.Context()).Subject)
	if fault.Is(err, fault.KindNotFound) || err == nil && account.Erasure != nil {
		return noAccount()
	}
	if err != nil {
		return err
	}
	sessions, err := s.sessions.listSessions(r.Context(), account, s.now())
	if err != nil {
		return err
	}
	return rest.JSON(w, http.StatusOK, struct {
		Account  exportedAccount   `json:"account"`
		Sessions []exportedSession `json:"sessions"`
	}{exportedAccount{account.ID, account.Email, account.Status, account.Roles, account.CreatedAt, account.UpdatedAt}, sessions})
}

// listSessions returns the account's sessions that are still valid (Account.accepts), the last to expire first.
func (s sessions) listSessions(ctx context.Context, account Account, now time.Time) ([]exportedSession, error) {
	rows, err := s.pool.Query(ctx, `select id::text, expires_at from refresh_families
		where account = $1 and (epoch = $2 or id::text = $5) and expires_at > $3 order by expires_at desc, id limit $4`,
		account.ID, account.Epoch, now, maxExportedSessions, account.KeptSession)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[exportedSession])
	for i := range found {
		found[i].ExpiresAt = found[i].ExpiresAt.UTC()
	}
	return append([]exportedSession{}, found...), err
}

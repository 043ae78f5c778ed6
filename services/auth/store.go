package main

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/telemetry"
)

// store reads and writes accounts: single documents through the sidecar, queries over many of them with SQL.
type store struct {
	documents document.Store[Account]
	pool      *pgxpool.Pool
}

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// accountByID reads an account inside a transaction; NotFound when there is none.
func accountByID(ctx context.Context, q querier, id string) (Account, error) {
	return accountFrom(q.QueryRow(ctx, `select document from accounts where key = 'account-' || $1`, id))
}

// accountByEmail finds the account that logs in with email: the one that was not rejected, or else the one rejected last.
// NotFound when there is none.
func (s store) accountByEmail(ctx context.Context, email string) (Account, error) {
	return accountFrom(s.pool.QueryRow(ctx, `select document from accounts where document->>'email' = any($1)
		order by document->>'status' = 'REJECTED', document->>'email' <> $2, document->>'createdAt' desc limit 1`,
		storedEmails(email), email))
}

func accountFrom(row pgx.Row) (account Account, err error) {
	if err = row.Scan(&account); errors.Is(err, pgx.ErrNoRows) {
		return account, fault.NotFound("there is no such account")
	}
	return account, err
}

// emailTaken reports whether another account than id, which was not rejected, has email.
func (s store) emailTaken(ctx context.Context, email, id string) (bool, error) {
	var taken bool
	err := s.pool.QueryRow(ctx, `select exists (select from accounts
		where document->>'email' = any($1) and document->>'status' in ('PENDING', 'ACTIVE', 'SUSPENDED', 'DELETING')
			and id <> $2)`,
		storedEmails(email), id).Scan(&taken)
	return taken, err
}

// waitingAccount is a PENDING account: user has not answered yet.
type waitingAccount struct {
	ID          string
	Traceparent string
}

// listWaiting lists up to limit PENDING accounts in the order of their keys, starting after the given one. They were last
// announced at or before announced, or created at or before created.
func (s store) listWaiting(
	ctx context.Context, announced, created time.Time, after waitingAccount, limit int,
) ([]waitingAccount, error) {
	rows, err := s.pool.Query(ctx, `select id, coalesce(document->>'trace', '') from accounts
		where document->>'status' = 'PENDING' and key > 'account-' || $3
			and ((document->>'announcedAt')::timestamptz <= $1 or (document->>'createdAt')::timestamptz <= $2)
		order by key limit $4`, announced, created, after.ID, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[waitingAccount])
}

// listDeleting lists up to limit DELETING accounts in the order of their keys, starting after the given one. They were last
// announced at or before announced.
func (s store) listDeleting(ctx context.Context, announced time.Time, after waitingAccount, limit int) ([]waitingAccount, error) {
	rows, err := s.pool.Query(ctx, `select id, coalesce(document->>'trace', '') from accounts
		where document->>'status' = 'DELETING' and key > 'account-' || $2
			and (document->'erasure'->>'announcedAt')::timestamptz <= $1
		order by key limit $3`, announced, after.ID, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[waitingAccount])
}

// deletingBacklog returns the number of DELETING accounts and the time when the oldest erasure began. They are few, and indexed.
func (s store) deletingBacklog(ctx context.Context) (b telemetry.Backlog, err error) {
	err = s.pool.QueryRow(ctx, `select count(*), coalesce(min((document->'erasure'->>'begunAt')::timestamptz), now()) from accounts
		where document->>'status' = 'DELETING'`).Scan(&b.Count, &b.Oldest)
	return b, err
}

// pendingBacklog returns the number of PENDING registrations and the creation time of the oldest. They are few, and indexed.
func (s store) pendingBacklog(ctx context.Context) (b telemetry.Backlog, err error) {
	err = s.pool.QueryRow(ctx, `select count(*), coalesce(min((document->>'createdAt')::timestamptz), now()) from accounts
		where document->>'status' = 'PENDING'`).Scan(&b.Count, &b.Oldest)
	return b, err
}

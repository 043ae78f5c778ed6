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

// store reads and writes accounts: the documents through the sidecar, questions about many of them by SQL.
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

// byEmail finds the account that logs in with email: the living one, or else the one that was rejected last. NotFound when
// there is none.
func (s store) byEmail(ctx context.Context, email string) (Account, error) {
	return accountFrom(s.pool.QueryRow(ctx, `select document from accounts where document->>'email' = $1
		order by document->>'status' = 'REJECTED', document->>'createdAt' desc limit 1`, email))
}

func accountFrom(row pgx.Row) (account Account, err error) {
	if err = row.Scan(&account); errors.Is(err, pgx.ErrNoRows) {
		return account, fault.NotFound("there is no such account")
	}
	return account, err
}

// emailTaken says whether email is that of a PENDING or ACTIVE account other than id.
func (s store) emailTaken(ctx context.Context, email, id string) (bool, error) {
	var taken bool
	err := s.pool.QueryRow(ctx, `select exists (select from accounts
		where document->>'email' = $1 and document->>'status' in ('PENDING', 'ACTIVE') and id <> $2)`, email, id).Scan(&taken)
	return taken, err
}

// waiting is an account that user has not answered for.
type waiting struct {
	ID    string
	Trace string
}

// waiting lists up to limit of them, after the given one, that are PENDING and were last announced, or first made, before
// the given times.
func (s store) waiting(ctx context.Context, announced, made time.Time, after waiting, limit int) ([]waiting, error) {
	rows, err := s.pool.Query(ctx, `select id, coalesce(document->>'trace', '') from accounts
		where document->>'status' = 'PENDING' and key > 'account-' || $3
			and ((document->>'announcedAt')::timestamptz <= $1 or (document->>'createdAt')::timestamptz <= $2)
		order by key limit $4`, announced, made, after.ID, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[waiting])
}

// backlog says how many registrations are PENDING, and since when the oldest. They are few, and have an index.
func (s store) backlog(ctx context.Context) (b telemetry.Backlog, err error) {
	err = s.pool.QueryRow(ctx, `select count(*), coalesce(min((document->>'createdAt')::timestamptz), now()) from accounts
		where document->>'status' = 'PENDING'`).Scan(&b.Count, &b.Oldest)
	return b, err
}

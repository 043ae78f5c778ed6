package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/recovery"
	"comanda/services/internal/telemetry"
)

// store reads and writes accounts: single documents through the sidecar, queries over many of them with SQL.
type store struct {
	documents document.Store[Account]
	pool      *pgxpool.Pool
}

// querier is a pool or a transaction.
type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// accountByID reads an account. It returns NotFound when there is none.
func accountByID(ctx context.Context, q querier, id string) (Account, error) {
	return accountFrom(q.QueryRow(ctx, `select document from accounts where key = 'account-' || $1`, id))
}

// accountByEmail finds the account that logs in with email: the account that was not rejected or, if all were, the one that registered
// last. Among those left, an account that is stored under email itself comes before one that an older version stored in another form
// (storedEmails). accountByEmail returns NotFound when there is none.
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

// waitingAccount is a PENDING account, which user has not answered yet, or a DELETING one.
type waitingAccount struct {
	ID          string
	Traceparent string
	Announced   int  // how often the account or its erasure was announced
	Overdue     bool // the account is to be given up
}

// listWaiting lists up to limit PENDING accounts in the order of their keys, starting after the given one. They are to be announced
// again or given up.
func (s store) listWaiting(ctx context.Context, t recovery.Timing, after waitingAccount, limit int) ([]waitingAccount, error) {
	const announced = `coalesce((doc(value)->>'announced')::int, 0)`
	return s.collectWaiting(ctx, `select substr(key, 9) as id, coalesce(doc(value)->>'trace', '') as traceparent, `+announced+` as announced,
			`+recovery.Overdue+` as overdue from state
		where key like 'account-%' and doc(value)->>'status' = 'PENDING' and key > 'account-' || @after_id
			and (`+recovery.Overdue+` or `+recovery.Due(`substr(key, 9)`, announced)+`)
		order by key limit @limit`, t, after, limit)
}

// listDeleting lists up to limit DELETING accounts in the order of their keys, starting after the given one. They are to be announced
// again.
func (s store) listDeleting(ctx context.Context, t recovery.Timing, after waitingAccount, limit int) ([]waitingAccount, error) {
	const announced = `coalesce((doc(value)->'erasure'->>'announced')::int, 0)`
	return s.collectWaiting(ctx, `select substr(key, 9) as id, coalesce(doc(value)->>'trace', '') as traceparent, `+announced+` as announced,
			false as overdue from state
		where key like 'account-%' and doc(value)->>'status' = 'DELETING' and key > 'account-' || @after_id
			and `+recovery.Due(`substr(key, 9)`, announced)+`
		order by key limit @limit`, t, after, limit)
}

func (s store) collectWaiting(ctx context.Context, query string, t recovery.Timing, after waitingAccount, limit int) ([]waitingAccount, error) {
	rows, err := s.pool.Query(ctx, recovery.WithOutbox+query, t.DueArguments(pgx.NamedArgs{"after_id": after.ID, "limit": limit}))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[waitingAccount])
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

// settled returns which of the accounts have neither a registration nor an erasure in progress.
func (s store) settled(ctx context.Context, ids []string) ([]string, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = "account-" + id
	}
	rows, err := s.pool.Query(ctx, `select id from accounts where key = any($1) and document->>'status' not in ('PENDING', 'DELETING')`, keys)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

package main

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/fault"
)

// sessions stores refresh tokens. The tokens that descend from one login form a family. Every change locks the family's row,
// so that rotation and revocation of one family run one after the other.
type sessions struct {
	pool *pgxpool.Pool
	rotation
}

// startSession stores a new family with its first token for an account that has just logged in.
func (s sessions) startSession(ctx context.Context, account Account, now time.Time) (refreshToken, error) {
	first, family := newRefreshToken(), uuid.New()
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `insert into refresh_families (id, account, epoch, expires_at) values ($1, $2, $3, $4)`,
			family, account.ID, account.Epoch, now.Add(refreshTTL)); err != nil {
			return err
		}
		return insertToken(ctx, tx, first, family, now)
	})
	return first, err
}

func insertToken(ctx context.Context, tx pgx.Tx, t refreshToken, family uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, `insert into refresh_tokens (hash, family, expires_at) values ($1, $2, $3)`,
		t.hash(), family, now.Add(refreshTTL))
	return err
}

// exchangeToken exchanges a refresh token for its successor and returns its account. The same request gets the same successor
// for repeatTime. Any other use of a spent token is refused; if the token was spent graceTime ago or earlier, that use also
// revokes the family. Unauthenticated when the token is not valid.
func (s sessions) exchangeToken(
	ctx context.Context, presented refreshToken, idempotencyKey string, now time.Time,
) (refreshToken, Account, error) {
	next := s.successor(presented, idempotencyKey)
	var account Account
	decision := refuse
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { // a revocation must be committed, so it is not an error here
		family, err := lockFamily(ctx, tx, presented)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		var t storedToken
		if t, err = readToken(ctx, tx, presented, next); err != nil {
			return err
		}
		if account, err = accountByID(ctx, tx, t.Account); err != nil && !fault.Is(err, fault.KindNotFound) {
			return err
		}
		switch decision = judgeToken(t, account, now); decision {
		case rotate:
			return s.spendToken(ctx, tx, presented, next, family, now)
		case revoke:
			return deleteFamily(ctx, tx, family)
		}
		return nil
	})
	switch {
	case err != nil:
	case decision == late:
		err = fault.Unauthenticated("another request has just used this refresh token: use the token that it returned")
	case decision == refuse, decision == revoke:
		err = fault.Unauthenticated("the refresh token is not valid any more: log in again")
	}
	return next, account, err
}

// lockFamily locks the family of a token until tx ends, and returns its id. Read the token's other columns afterwards, in
// separate statements: only those see what the previous holder of the lock committed.
func lockFamily(ctx context.Context, tx pgx.Tx, t refreshToken) (family uuid.UUID, err error) {
	err = tx.QueryRow(ctx, `select id from refresh_families
		where id = (select family from refresh_tokens where hash = $1) for update`, t.hash()).Scan(&family)
	return family, err
}

// readToken reads what the tables hold about the presented token; next is the successor that the request would create.
func readToken(ctx context.Context, tx pgx.Tx, presented, next refreshToken) (storedToken, error) {
	rows, err := tx.Query(ctx, `select f.account::text, f.epoch, t.expires_at, t.spent_at,
			exists (select from refresh_tokens s where s.hash = $2 and s.family = t.family)
		from refresh_tokens t join refresh_families f on f.id = t.family where t.hash = $1`, presented.hash(), next.hash())
	if err != nil {
		return storedToken{}, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[storedToken])
}

// spendToken marks the presented token as spent and stores its successor.
func (s sessions) spendToken(ctx context.Context, tx pgx.Tx, presented, next refreshToken, family uuid.UUID, now time.Time) error {
	if _, err := tx.Exec(ctx, `update refresh_tokens set spent_at = $2 where hash = $1`, presented.hash(), now); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `update refresh_families set expires_at = $2 where id = $1`, family, now.Add(refreshTTL)); err != nil {
		return err
	}
	return insertToken(ctx, tx, next, family, now)
}

// deleteFamily deletes a family with all its tokens.
func deleteFamily(ctx context.Context, tx pgx.Tx, family uuid.UUID) error {
	_, err := tx.Exec(ctx, `delete from refresh_families where id = $1`, family)
	return err
}

// endSession deletes the family of a token, if there is one.
func (s sessions) endSession(ctx context.Context, presented refreshToken) error {
	return pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		family, err := lockFamily(ctx, tx, presented)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return deleteFamily(ctx, tx, family)
	})
}

// deleteAll deletes every family of an account.
func (s sessions) deleteAll(ctx context.Context, account string) error {
	_, err := s.pool.Exec(ctx, `delete from refresh_families where account = $1`, account)
	return err
}

// deleteExpired deletes expired families, and expired tokens of families that are still valid. It deletes in batches, because
// one statement for all rows could exceed the time limit of statements and would lock families for long. It returns the number
// of deleted rows, without the tokens that a deleted family takes with it.
func (s sessions) deleteExpired(ctx context.Context, now time.Time) (int64, error) {
	var total int64
	for _, statement := range []string{
		`delete from refresh_families where id in (select id from refresh_families where expires_at <= $1 limit 1000)`,
		`delete from refresh_tokens where hash in (select hash from refresh_tokens where expires_at <= $1 limit 1000)`,
	} {
		for {
			tag, err := s.pool.Exec(ctx, statement, now)
			if err != nil {
				return total, err
			}
			if total += tag.RowsAffected(); tag.RowsAffected() == 0 {
				break
			}
		}
	}
	return total, nil
}

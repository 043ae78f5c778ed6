package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/audit"
	"comanda/services/internal/database"
	"comanda/services/internal/fault"
)

// sessions stores refresh tokens. The tokens that descend from one login form a family. Rotation and revocation lock the family's row, so
// that those of one family run one after the other.
type sessions struct {
	pool *pgxpool.Pool
	rotation
	limits sessionLimits
}

// sessionsLock is the first number of the advisory lock under which the sessions of one account are counted; the second number stands for
// the account. No other lock in the database uses it.
const sessionsLock = 7304

// startSession stores a new family with its first token for an account that has just logged in. It ends the oldest sessions of an
// account that now has too many.
func (s sessions) startSession(ctx context.Context, account Account, now time.Time) (refreshToken, error) {
	family := uuid.New()
	first, expires := newRefreshToken(family), s.expiry(now, now)
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1, hashtext($2))`, sessionsLock, account.ID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `insert into refresh_families (id, account, epoch, expires_at, started_at, paced_until)
			values ($1, $2, $3, $4, $5, $5)`, family, account.ID, account.Epoch, expires, now); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from refresh_families where id in (select id from refresh_families
			where account = $1 and id <> $2 order by started_at desc, id offset $3)`, account.ID, family, s.limits.PerAccount-1); err != nil {
			return err
		}
		return insertToken(ctx, tx, first, expires)
	})
	return first, err
}

// expiry returns the time at which a token that is created now expires, for a session that started at the given time.
func (s sessions) expiry(started, now time.Time) time.Time {
	expires, end := now.Add(refreshTTL), started.Add(s.limits.MaxAge)
	if end.Before(expires) {
		return end
	}
	return expires
}

func insertToken(ctx context.Context, tx pgx.Tx, t refreshToken, expires time.Time) error {
	_, err := tx.Exec(ctx, `insert into refresh_tokens (hash, family, expires_at, names_family) values ($1, $2, $3, true)`,
		t.hash(), t.family, expires)
	return err
}

// exchangeToken exchanges a refresh token for its successor and returns its account. judgeToken decides what happens: the same request
// gets the same successor again for repeatTime, and a token of a session that has ended is refused and its family deleted, as is a token
// that is used again graceTime after it was spent. It returns Unauthenticated when the token is not valid. It returns Limited, and the
// token stays valid, when the session or the account refreshes too often.
func (s sessions) exchangeToken(
	ctx context.Context, presented refreshToken, idempotencyKey string, now time.Time,
) (next refreshToken, account Account, err error) {
	decision := refuse
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error { // a revocation must be committed, so it is not an error here
		family, err := lockFamily(ctx, tx, presented)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		candidates := s.successors(presented, family, idempotencyKey) // the first is derived with the current secret
		var t storedToken
		if t, err = readToken(ctx, tx, presented, family, candidates); err != nil {
			return err
		}
		if account, err = accountByID(ctx, tx, t.Account); err != nil && !fault.Is(err, fault.KindNotFound) {
			return err
		}
		switch decision = judgeToken(t, account, s.limits.MaxAge, now); decision {
		case rotate:
			next = candidates[0]
			return s.spendToken(ctx, tx, presented, next, t, now)
		case repeat:
			next = candidates[slices.IndexFunc(candidates, func(c refreshToken) bool { return bytes.Equal(c.hash(), t.Next) })]
		case revoke:
			return deleteFamily(ctx, tx, family)
		case reused:
			return revokeReused(ctx, tx, family, account)
		}
		return nil
	})
	switch {
	case err != nil:
	case decision == late:
		err = fault.Unauthenticated("another request has just used this refresh token: use the token that it returned")
	case decision == refuse, decision == revoke, decision == reused:
		err = fault.Unauthenticated("the refresh token is not valid any more: log in again")
	}
	return next, account, err
}

// lockFamily locks the family of a token until tx ends, and returns its id. Read the token's other columns afterwards, in separate
// statements: only a later statement sees what the previous holder of the lock committed.
func lockFamily(ctx context.Context, tx pgx.Tx, t refreshToken) (family uuid.UUID, err error) {
	if t.family != uuid.Nil {
		err = tx.QueryRow(ctx, `select id from refresh_families where id = $1 for update`, t.family).Scan(&family)
		return family, err
	}
	err = tx.QueryRow(ctx, `select id from refresh_families
		where id = (select family from refresh_tokens where hash = $1) for update`, t.hash()).Scan(&family)
	return family, err
}

// readToken reads the presented token and its family from the tables. candidates are the successors that the request may have created.
func readToken(
	ctx context.Context, tx pgx.Tx, presented refreshToken, family uuid.UUID, candidates []refreshToken,
) (storedToken, error) {
	var hashes [][]byte
	for _, candidate := range candidates {
		hashes = append(hashes, candidate.hash())
	}
	rows, err := tx.Query(ctx, `select f.account::text, f.id::text, f.epoch, f.started_at, f.paced_until, t.expires_at, t.spent_at,
			(select s.hash from refresh_tokens s where s.family = f.id and s.hash = any($3) limit 1)
		from refresh_families f left join refresh_tokens t on t.family = f.id and t.hash = $2 where f.id = $1`,
		family, presented.hash(), hashes)
	if err != nil {
		return storedToken{}, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[storedToken])
}

// spendToken marks the presented token as spent and stores its successor. It returns Limited when that is too soon.
func (s sessions) spendToken(ctx context.Context, tx pgx.Tx, presented, next refreshToken, t storedToken, now time.Time) error {
	paced, err := keepPace(ctx, tx, t, now)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `update refresh_tokens set spent_at = $2 where hash = $1`, presented.hash(), now); err != nil {
		return err
	}
	expires := s.expiry(t.Started, now)
	if _, err := tx.Exec(ctx, `update refresh_families set expires_at = $2, paced_until = $3 where id = $1`,
		next.family, expires, paced); err != nil {
		return err
	}
	return insertToken(ctx, tx, next, expires)
}

// keepPace counts a rotation for its account, and returns the pace of its family. It returns Limited when either rotates too often.
func keepPace(ctx context.Context, tx pgx.Tx, t storedToken, now time.Time) (familyPaced time.Time, err error) {
	familyPaced, wait := familyPace.after(t.Paced, now)
	if wait == 0 {
		var accountPaced time.Time
		err = tx.QueryRow(ctx, `insert into refresh_paces as p (account, paced_until) values ($1, $2) on conflict (account)
			do update set paced_until = greatest(p.paced_until, $3) + ($2::timestamptz - $3::timestamptz) returning paced_until`,
			t.Account, now.Add(accountPace.every), now).Scan(&accountPaced)
		wait = accountPace.over(accountPaced, now)
	}
	if err == nil && wait > 0 {
		err = fault.Limited(wait, "this session or this account refreshes too often: use the access token until it expires")
	}
	return familyPaced, err
}

// deleteFamily deletes a family with all its tokens.
func deleteFamily(ctx context.Context, tx pgx.Tx, family uuid.UUID) error {
	_, err := tx.Exec(ctx, `delete from refresh_families where id = $1`, family)
	return err
}

// revokeReused deletes the family of a spent token that was used again, and records it. The actor is unknown: the owner, or a thief.
func revokeReused(ctx context.Context, tx pgx.Tx, family uuid.UUID, account Account) error {
	if err := deleteFamily(ctx, tx, family); err != nil {
		return err
	}
	return audit.Record(ctx, tx, audit.New(ctx, audit.RefreshReused, account.ID, map[string]string{"session": family.String()}, nil))
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

// deleteOld deletes expired families, expired tokens, tokens spent long ago, and paces that limit nothing any more. It returns the number
// of deleted rows, without the tokens of deleted families.
func (s sessions) deleteOld(ctx context.Context, now time.Time) (int64, error) {
	var total int64
	for _, old := range []struct {
		statement string
		before    time.Time
	}{
		{`delete from refresh_families where id in (select id from refresh_families where expires_at <= $1 limit $2)`, now},
		{`delete from refresh_tokens where hash in (select hash from refresh_tokens where expires_at <= $1 limit $2)`, now},
		{`delete from refresh_tokens where hash in (select hash from refresh_tokens
			where names_family and spent_at <= $1 limit $2)`, now.Add(-spentTime)},
		{`delete from refresh_paces where account in (select account from refresh_paces where paced_until <= $1 limit $2)`, now},
	} {
		deleted, err := database.DeleteInBatches(ctx, s.pool, old.statement, old.before)
		if total += deleted; err != nil {
			return total, err
		}
	}
	return total, nil
}

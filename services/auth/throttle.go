package main

import (
	"context"
	"crypto/sha256"
	"hash/fnv"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/fault"
)

// slowdown says for how long wrong passwords block a subject: an account, or an address that tries it. The first free wrong passwords do
// not block the subject. The next one blocks it for the time first, and each further one twice as long, up to most.
type slowdown struct {
	free        int
	first, most time.Duration
}

// A newcomer is an address without a wrong password for the account. While the account is blocked, newcomers may still try, with one
// wrong password every 10 s. So an attacker with a few addresses blocks only those, and the owner gets in from another address.
var (
	perAccount = slowdown{free: 10, first: 5 * time.Second, most: time.Minute}
	perAddress = slowdown{free: 5, first: 15 * time.Second, most: 10 * time.Minute}
	newcomers  = slowdown{free: 0, first: 10 * time.Second, most: 10 * time.Second}
)

// forgetAfter is the time without a wrong password after which a subject starts again.
const forgetAfter = 15 * time.Minute

// blockTime returns for how long a subject is blocked after the given number of wrong passwords in a row.
func (s slowdown) blockTime(failures int) time.Duration {
	if failures <= s.free {
		return 0
	}
	doublings := min(failures-s.free-1, 30)
	return min(s.first*time.Duration(math.Exp2(float64(doublings))), s.most)
}

// throttle slows down the guessing of passwords, for each account and for each address that tries an account. It counts in
// Postgres, so the count is the same at every replica. E-mails without an account are counted too: otherwise the slowdown would
// reveal which e-mails have one.
type throttle struct {
	pool  *pgxpool.Pool
	all   *failureLimit       // of all accounts together
	turns *[256]chan struct{} // attempts on one account take turns in this process: concurrent ones must not all read the same count
}

func newThrottle(pool *pgxpool.Pool, all *failureLimit) throttle {
	turns := new([256]chan struct{})
	for i := range turns {
		turns[i] = make(chan struct{}, 1)
	}
	return throttle{pool, all, turns}
}

// attempt is one login that the throttle has admitted.
type attempt struct {
	throttle
	account, address, newcomer []byte // the subjects
	counted                    bool   // wrong passwords are recorded for one of the subjects
	asNewcomer                 bool   // admitted although the account is blocked
	wrong                      bool   // the password was wrong
	turn                       chan struct{}
}

// admit waits for the e-mail's turn and returns the attempt to log in with it from an address. It returns Limited while the address is
// blocked, while the account is blocked (unless the address is a newcomer), and after too many wrong passwords for all accounts
// together. The caller ends the attempt.
func (t throttle) admit(ctx context.Context, email, address string, now time.Time) (*attempt, error) {
	a := &attempt{throttle: t, account: subject(email), address: subject(email, address),
		newcomer: subject(email, "newcomers", ""), turn: t.turns[turnOf(email)]}
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	wait, err := a.check(ctx, now)
	if err == nil && wait > 0 {
		err = fault.Limited(wait, "too many wrong passwords for this e-mail: wait, or try from another place")
	}
	if err == nil { // last: attempts that wait for their turn must not use up the limit of all accounts
		err = t.all.take(now)
	}
	if err != nil {
		<-a.turn
		return nil, err
	}
	return a, nil
}

// end ends the attempt. Only a wrong password counts for the limit of all accounts.
func (a *attempt) end() {
	<-a.turn
	if !a.wrong {
		a.all.giveBack()
	}
}

// check reads the subjects and returns how long the attempt must wait. It sets counted and asNewcomer.
func (a *attempt) check(ctx context.Context, now time.Time) (wait time.Duration, err error) {
	waits := map[string]time.Duration{}
	rows, err := a.pool.Query(ctx, `select subject, blocked_until from login_failures where subject in ($1, $2, $3)`,
		a.account, a.address, a.newcomer)
	if err != nil {
		return 0, err
	}
	var subject []byte
	var until time.Time
	_, err = pgx.ForEachRow(rows, []any{&subject, &until}, func() error {
		waits[string(subject)] = until.Sub(now)
		return nil
	})
	a.counted = len(waits) > 0
	account, newcomer := waits[string(a.account)], waits[string(a.newcomer)]
	address, seen := waits[string(a.address)]
	if a.asNewcomer = account > 0 && !seen; a.asNewcomer {
		return newcomer, err
	}
	return max(account, address), err
}

// record counts a wrong password. After a right password it deletes the counts of the account, of the address and of newcomers.
func (a *attempt) record(ctx context.Context, right bool, now time.Time) error {
	a.wrong = !right
	if right && !a.counted {
		return nil
	}
	if right {
		for _, subject := range [][]byte{a.account, a.address, a.newcomer} {
			if _, err := a.pool.Exec(ctx, `delete from login_failures where subject = $1`, subject); err != nil {
				return err
			}
		}
		return nil
	}
	return pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
		err := countFailure(ctx, tx, a.account, perAccount, now)
		if err == nil {
			err = countFailure(ctx, tx, a.address, perAddress, now)
		}
		if err == nil && a.asNewcomer {
			err = countFailure(ctx, tx, a.newcomer, newcomers, now)
		}
		return err
	})
}

// countFailure counts a wrong password of a subject, and blocks the subject as limits say. After forgetAfter the count starts again at 1.
func countFailure(ctx context.Context, tx pgx.Tx, subject []byte, limits slowdown, now time.Time) error {
	var failures int
	err := tx.QueryRow(ctx, `insert into login_failures as f (subject, failures, failed_at, blocked_until) values ($1, 1, $2, $2)
		on conflict (subject) do update set failed_at = $2, failures = case when f.failed_at < $3 then 1 else f.failures + 1 end
		returning failures`, subject, now, now.Add(-forgetAfter)).Scan(&failures)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `update login_failures set blocked_until = $2 where subject = $1`, subject, now.Add(limits.blockTime(failures)))
	return err
}

// deleteOld deletes the subjects whose count would start again at 1.
func (t throttle) deleteOld(ctx context.Context, now time.Time) error {
	_, err := t.pool.Exec(ctx, `delete from login_failures where failed_at < $1`, now.Add(-forgetAfter))
	return err
}

// subject returns the key of an account or an address in the table: a hash, so that the table holds no e-mails.
func subject(parts ...string) []byte {
	hash := sha256.New()
	for _, part := range parts {
		hash.Write([]byte(part))
		hash.Write([]byte{0})
	}
	return hash.Sum(nil)
}

// turnOf returns the index of an e-mail's turn. Some e-mails share one.
func turnOf(email string) uint32 {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(email))
	return hash.Sum32() % 256
}

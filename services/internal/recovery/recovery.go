// Package recovery finds aggregates that have been PENDING for too long, because their saga's next event was lost or not
// consumed, and acts on each, so that no aggregate stays PENDING for ever. One replica at a time does this. The service
// supplies the query and the action: it publishes the event again and, after a deadline, gives the aggregate up. The
// package owns the counter of these steps.
package recovery

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

const (
	// PageSize is the number of aggregates read at a time.
	PageSize = 100
	// MaxFailures is the number of consecutive Unavailable errors that end a round; the next round finds the rest again. Other
	// errors do not end it: a few documents that can never be written must not block the ones behind them.
	MaxFailures = 5
	// lockID is the advisory lock of the replica at work. The number is arbitrary, but used for nothing else in the database.
	lockID = 7302
)

// Timing holds the times of a service's recovery.
type Timing struct {
	After  time.Duration `env:"RECOVERY_AFTER" envDefault:"30s"`   // age at which the event is published again, and the interval after that
	GiveUp time.Duration `env:"RECOVERY_GIVE_UP" envDefault:"15m"` // age at which the aggregate is given up, with a reason
	Every  time.Duration `env:"RECOVERY_EVERY" envDefault:"5s"`    // interval of the search for overdue aggregates
}

// Check returns an error unless all times are longer than 0.
func (t Timing) Check() error {
	if t.After <= 0 || t.GiveUp <= 0 || t.Every <= 0 {
		return errors.New("RECOVERY_AFTER, RECOVERY_GIVE_UP and RECOVERY_EVERY must be longer than 0")
	}
	return nil
}

// RunEvery calls work now and then at each interval, until ctx is done. It logs only the first of consecutive failures.
func RunEvery(ctx context.Context, log *slog.Logger, what string, every time.Duration, work func(context.Context) error) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for failing := false; ctx.Err() == nil; {
		err := work(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			log.Warn(what+" failed, retrying", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// RunExclusively runs work unless another replica is running it, and reports whether it ran. The lock belongs to a
// transaction, so Postgres releases it when the replica dies.
func RunExclusively(ctx context.Context, pool *pgxpool.Pool, work func(context.Context) error) (ran bool, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock($1)`, lockID).Scan(&ran); err != nil || !ran {
			return err
		}
		return work(ctx)
	})
	return ran, err
}

// RunRound calls revive for each overdue aggregate, page by page. Find returns up to limit aggregates after the given one,
// which is the zero value for the first page. A failed revival does not stop the round; RunRound returns the last such error.
func RunRound[T any](ctx context.Context, find func(ctx context.Context, after T, limit int) ([]T, error), revive func(context.Context, T) error) error {
	var after T
	var last error
	unavailable := 0 // consecutive errors of this kind
	for {
		found, err := find(ctx, after, PageSize)
		if err != nil {
			return err
		}
		for _, after = range found {
			if err := reviveWithin(ctx, after, revive); err != nil {
				last = err
				if !fault.Is(err, fault.KindUnavailable) {
					continue
				}
				if unavailable++; unavailable == MaxFailures {
					return last
				}
				continue
			}
			unavailable = 0
		}
		if len(found) < PageSize {
			return last
		}
	}
}

// reviveWithin limits one revival to rest.RequestTimeout, so that a sidecar that hangs does not stop the round.
func reviveWithin[T any](ctx context.Context, item T, revive func(context.Context, T) error) error {
	ctx, cancel := context.WithTimeout(ctx, rest.RequestTimeout)
	defer cancel()
	return revive(ctx, item)
}

// Package overdue is the recovery of aggregates that wait too long for an answer: their saga's next event was lost, or
// nobody hears it. One replica at a time looks for them and acts on each, so that nothing stays PENDING for ever.
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
	// PageSize is how many are read at a time.
	PageSize = 100
	// MaxFailures in a row for want of a sidecar or a database end a round: the next one will find them again. Others do not,
	// or a few documents that can never be written would keep all behind them waiting for ever.
	MaxFailures = 5
	// lock is the advisory lock of the one replica at work. Any number that a service's database uses for nothing else.
	lock = 7302
)

// Timing says how patient a service is.
type Timing struct {
	After  time.Duration `env:"RECOVERY_AFTER" envDefault:"30s"`   // announce it again, and again after as long
	GiveUp time.Duration `env:"RECOVERY_GIVE_UP" envDefault:"15m"` // end it, with a reason
	Every  time.Duration `env:"RECOVERY_EVERY" envDefault:"5s"`    // look for what is overdue
}

// Check refuses what would never, or always, be due.
func (t Timing) Check() error {
	if t.After <= 0 || t.GiveUp <= 0 || t.Every <= 0 {
		return errors.New("RECOVERY_AFTER, RECOVERY_GIVE_UP and RECOVERY_EVERY have to be longer than 0")
	}
	return nil
}

// RunEvery does work now and then every so often, until ctx is done. It says once that it fails, not for as long as it
// does.
func RunEvery(ctx context.Context, log *slog.Logger, what string, every time.Duration, work func(context.Context) error) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for failing := false; ctx.Err() == nil; {
		err := work(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			log.Warn(what+" fails, trying again", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

// RunExclusively runs work unless another replica is at it, and reports whether it did. The lock goes with its transaction, so a
// replica that dies leaves none behind.
func RunExclusively(ctx context.Context, pool *pgxpool.Pool, work func(context.Context) error) (mine bool, err error) {
	err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `select pg_try_advisory_xact_lock($1)`, lock).Scan(&mine); err != nil || !mine {
			return err
		}
		return work(ctx)
	})
	return mine, err
}

// RunRound acts on all that is overdue, in pages: find returns up to limit of them that come after the given one (the zero
// value at first). An error tells of the last one that could not be revived; it keeps none of the others waiting.
func RunRound[T any](ctx context.Context, find func(ctx context.Context, after T, limit int) ([]T, error), revive func(context.Context, T) error) error {
	var after T
	var last error
	inARow := 0
	for {
		found, err := find(ctx, after, PageSize)
		if err != nil {
			return err
		}
		for _, after = range found {
			if err := within(ctx, after, revive); err != nil {
				last = err
				if !fault.Is(err, fault.KindUnavailable) {
					continue
				}
				if inARow++; inARow == MaxFailures {
					return last
				}
				continue
			}
			inARow = 0
		}
		if len(found) < PageSize {
			return last
		}
	}
}

// within bounds one revival: a sidecar that hangs must not stop the others.
func within[T any](ctx context.Context, one T, revive func(context.Context, T) error) error {
	ctx, cancel := context.WithTimeout(ctx, rest.RequestTimeout)
	defer cancel()
	return revive(ctx, one)
}

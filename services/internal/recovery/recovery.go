// Package recovery finds aggregates that have been PENDING for too long, because their saga's next event was lost or not
// consumed, and acts on each, so that no aggregate stays PENDING for ever. One replica at a time does this. The service
// supplies the query and the action, which publishes the event again and, after a deadline, gives the aggregate up. The
// package owns the counter of these steps.
package recovery

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
)

const (
	// PageSize is the number of aggregates read at a time.
	PageSize = 100
	// MaxFailures is the number of Unavailable errors without a success in between that end a round; the next round finds the rest again. Other
	// errors do not end it: a few documents that can never be written must not block the documents behind them.
	MaxFailures = 5
	// Budget is the number of aggregates that one round handles, so that the recovery does not add to an overload without bound.
	Budget = 100
	// NoBudget is the budget of a round that ends only with the last item.
	NoBudget = math.MaxInt
)

// Timing holds the times of a service's recovery. The database's clock measures After and GiveUp.
type Timing struct {
	After  time.Duration `env:"RECOVERY_AFTER" envDefault:"10s"`   // age at which the event is published again; then the interval grows
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

// RunEvery calls work at once and then at each interval, until ctx is done. It logs only the first of consecutive failures.
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

// RunRound calls revive for each overdue aggregate, page by page, until budget revivals have succeeded. find returns a page
// of up to limit aggregates, which begins behind the aggregate in its argument after; for the first page that is the zero value. A failed
// revival does not stop the round before MaxFailures; RunRound returns the last such error.
func RunRound[T any](
	ctx context.Context, budget int, find func(ctx context.Context, after T, limit int) ([]T, error), revive func(context.Context, T) error,
) error {
	var after T
	var last error
	unavailable := 0 // errors of this kind since the last success
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
			if unavailable, budget = 0, budget-1; budget == 0 {
				return last
			}
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

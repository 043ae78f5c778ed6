// Package recovery mends in the background what an event could not, because it was lost or not consumed. RunEvery
// repeats work at an interval, and RunExclusively lets one replica at a time do it. There are two kinds:
//
//   - The owner of aggregates finds those that have been PENDING for too long, publishes their event again and, after a deadline, gives
//     them up, so that no aggregate stays PENDING for ever. RunRound acts on each aggregate that a query with Due and Overdue finds.
//   - A service that holds something for an aggregate of another service (stock for an order, a phone number for an account) asks the owner
//     for that aggregate's standing. The final event of a saga is published only once. If the broker loses it, or a database is restored
//     from an older copy, the holder notices (docs/decisions/0022). A Holder walks through all that a service holds, AskStandings asks the
//     owner, and AnswerStandings is the owner's route.
//
// The service supplies the queries and the actions. The package owns the settings, and the counters of what was mended.
package recovery

import (
	"context"
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

// Find returns a page of up to limit items. The page begins after the item in after; for the first page that is the zero value.
type Find[T any] func(ctx context.Context, after T, limit int) ([]T, error)

// RunRound calls revive for each overdue aggregate that find finds, page by page, until budget revivals have succeeded. A failed revival
// does not stop the round before MaxFailures; RunRound returns the last such error.
func RunRound[T any](ctx context.Context, budget int, find Find[T], revive func(context.Context, T) error) error {
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

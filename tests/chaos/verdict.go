package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"comanda/tests/scenario"
)

const (
	// stopTimeout limits the time in which customers complete their orders after the last fault.
	stopTimeout = 2 * time.Minute
	// stuckAfter is the time after which an order or account that is still PENDING counts as stuck.
	stuckAfter = 2 * time.Minute
	// settleTimeout limits the time in which order and product agree.
	settleTimeout = time.Minute
)

// verdict waits until all orders and accounts are decided, and returns the promises that the system has broken.
func (l *load) verdict(ctx context.Context, invariants scenario.Invariants) error {
	stopping, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	stopped := l.stop(stopping)
	errs := []error{stopped}
	errs = append(errs, l.wrong...)
	errs = append(errs,
		within(ctx, stuckAfter, func(ctx context.Context) error {
			return wantNone(ctx, invariants, "order", "stuck order", pendingOrders)
		}),
		within(ctx, stuckAfter, func(ctx context.Context) error {
			return wantNone(ctx, invariants, "auth", "stuck registration", pendingAccounts)
		}),
		within(ctx, settleTimeout, invariants.CheckOutboxesEmpty),
		l.checkOrders(ctx, invariants, stopped == nil),
		invariants.CheckStockLaw(ctx),
		within(ctx, settleTimeout, invariants.CheckAgreement),
	)
	return errors.Join(errs...)
}

const (
	pendingOrders   = `select substr(key, length('order-') + 1) from orders where status = 'PENDING'`
	pendingAccounts = `select id from accounts where document ->> 'status' = 'PENDING'`
)

// wantNone returns an error that lists what a query finds.
func wantNone(ctx context.Context, invariants scenario.Invariants, service, what, sql string) error {
	found, err := scenario.Query(ctx, invariants.Database(service), sql)
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("%d times: %s: %s", len(found), what, strings.Join(found, ", "))
	}
	return err
}

// checkOrders checks that every accepted order exists, and that no other order does, such as a second one under the same key.
func (l *load) checkOrders(ctx context.Context, invariants scenario.Invariants, complete bool) error {
	stored, err := invariants.Orders(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for id := range l.accepted {
		if _, there := stored[id]; !there {
			errs = append(errs, fmt.Errorf("lost order: %s", id))
		}
	}
	for id := range stored {
		if _, placed := l.accepted[id]; !placed && complete {
			errs = append(errs, fmt.Errorf("doubled order: %s: no customer was answered with it", id))
		}
	}
	keys := map[string]string{}
	for id, key := range l.accepted {
		if other, twice := keys[key]; twice {
			errs = append(errs, fmt.Errorf("doubled order: %s and %s have one key", id, other))
		}
		keys[key] = id
	}
	return errors.Join(errs...)
}

// undecided returns the orders among ids that are PENDING.
func undecided(ctx context.Context, invariants scenario.Invariants, ids []string) ([]string, error) {
	pending, err := scenario.Query(ctx, invariants.Database("order"), pendingOrders)
	slices.Sort(ids)
	return slices.DeleteFunc(pending, func(id string) bool {
		_, accepted := slices.BinarySearch(ids, id)
		return !accepted
	}), err
}

// within repeats check until it succeeds. It returns the last error when the time is over.
func within(ctx context.Context, limit time.Duration, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var err error
	for {
		attempt, end := context.WithTimeout(ctx, attemptTimeout)
		now := check(attempt)
		end()
		if now == nil {
			return nil
		}
		if err == nil || ctx.Err() == nil { // an error that only says that the time is over explains nothing
			err = now
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("after %v: %w", limit, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

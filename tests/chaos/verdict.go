package chaos

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"comanda/services"
	"comanda/services/comanda/reconcile"
	"comanda/tests/scenario"
)

const (
	// stopTimeout limits the time in which customers complete their orders after the last fault.
	stopTimeout = 2 * time.Minute
	// stuckAfter is the time after which an order or account that is still PENDING counts as stuck.
	stuckAfter = 2 * time.Minute
	// settleTimeout limits the time in which the services agree: user looks at 100 profiles in 5 s, twice.
	settleTimeout = 4 * time.Minute
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
		within(ctx, settleTimeout, invariants.AwaitEmptyOutboxes),
		l.checkOrders(ctx, invariants, stopped == nil),
		invariants.CheckStockLaw(ctx),
		within(ctx, settleTimeout, func(ctx context.Context) error { return l.checkAgreement(ctx, invariants) }),
		within(ctx, settleTimeout, func(ctx context.Context) error { return l.checkDeadLetters(ctx, invariants) }),
		within(ctx, settleTimeout, l.checkTimelines),
	)
	return errors.Join(errs...)
}

// checkAgreement checks that each order has the reservation and each account the profile that its status requires, and the other way
// round.
func (l *load) checkAgreement(ctx context.Context, invariants scenario.Invariants) error {
	if err := l.readActivations(ctx, invariants); err != nil {
		return err
	}
	databases, err := reconcile.Connect(ctx, invariants.Database, services.Stateful...)
	if err != nil {
		return err
	}
	defer databases.Close()
	for _, check := range []func(context.Context, time.Duration) ([]reconcile.Problem, error){databases.Reservations, databases.Profiles} {
		problems, failed := check(ctx, -time.Hour) // also what has just changed
		err = errors.Join(err, failed)
		for _, p := range problems {
			if !l.excuses(anyID.FindString(p.Detail), p.Detail) {
				err = errors.Join(err, errors.New(p.Detail))
			}
		}
	}
	return err
}

// readActivations reads from auth when each account became ACTIVE: its last change, because these people never log in. User made the
// profile shortly before; after a fault of the broker that can be long after the registration.
func (l *load) readActivations(ctx context.Context, invariants scenario.Invariants) error {
	lines, err := scenario.Query(ctx, invariants.Database("auth"), `select id || ' ' || (document ->> 'updatedAt') from accounts
		where document ->> 'status' = 'ACTIVE'`)
	activated := map[string]time.Time{}
	for _, line := range lines {
		id, text, _ := strings.Cut(line, " ")
		at, failed := time.Parse(time.RFC3339Nano, text)
		activated[id], err = at, errors.Join(err, failed)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.activated = activated
	return err
}

// checkDeadLetters checks that every dead letter was handled again: the customers send no poison.
func (l *load) checkDeadLetters(ctx context.Context, invariants scenario.Invariants) (err error) {
	for _, service := range services.Stateful {
		letters, failed := scenario.Query(ctx, invariants.Database(service), `select format('dead letter of %s: %s of %s: %s', '`+service+`',
			topic, subject, reason) from dead_letters where ended_at is null`)
		err = errors.Join(err, failed)
		for _, letter := range letters {
			if !l.mayBeForgotten(anyID.FindString(letter)) {
				err = errors.Join(err, errors.New(letter))
			}
		}
	}
	return err
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

// checkOrders checks that every accepted order exists, and that no other order does, such as a second one under the same key. It counts
// the orders that a restored database has forgotten. If complete is false, some clients still wait for the response about an order, so
// an order that no client knows is no error.
func (l *load) checkOrders(ctx context.Context, invariants scenario.Invariants, complete bool) error {
	stored, err := invariants.Orders(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for id, order := range l.accepted {
		_, exists := stored[id]
		if !exists && l.lost("order", order.at) {
			l.forgotten++
		} else if !exists {
			errs = append(errs, fmt.Errorf("lost order: %s", id))
		}
	}
	for id := range stored {
		if _, placed := l.accepted[id]; !placed && complete {
			errs = append(errs, fmt.Errorf("doubled order: %s: no customer was answered with it", id))
		}
	}
	keys := map[string]string{}
	for id, order := range l.accepted {
		if other, twice := keys[order.key]; twice {
			errs = append(errs, fmt.Errorf("doubled order: %s and %s have one key", id, other))
		}
		keys[order.key] = id
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

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/event"
	"comanda/services/internal/batch"
	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/timeline"
)

// listCalls has a call of each exported method of lists.
func listCalls(h *harness, l lists, ids []string) map[string]func(context.Context) error {
	ignore := func(_ any, err error) error { return err }
	past, timing := waitingItem{CreatedAt: time.Date(2026, 1, 7, 0, 0, 0, 0, time.UTC), ID: someOrder}, h.service.recovery
	return map[string]func(context.Context) error{
		"Backlog":   func(ctx context.Context) error { return ignore(l.Backlog(ctx)) },
		"Decided":   func(ctx context.Context) error { return ignore(l.Decided(ctx, ids)) },
		"Erased":    func(ctx context.Context) error { return ignore(l.Erased(ctx, customerID)) },
		"Held":      func(ctx context.Context) error { return ignore(l.Held(ctx, "c7")) },
		"Standings": func(ctx context.Context) error { return ignore(l.Standings(ctx, ids)) },
		"Versions":  func(ctx context.Context) error { return ignore(l.Versions(ctx, ids)) },
		"LookUp": func(ctx context.Context) error {
			var group []Order
			for i := range batch.Most {
				group = append(group, Order{ID: ids[i], CustomerID: fmt.Sprintf("c%d", i), Limits: Limits{Orders: 10, Units: 200}})
			}
			return errors.Join(ignore(l.LookUp(ctx, group[0])), ignore(l.lookUpAll(ctx, group)))
		},
		"Page": func(ctx context.Context) error {
			_, _, err := l.Page(ctx, filter{Customer: "c7", Status: event.StatusDelivered}, position{At: past.CreatedAt, ID: past.ID}, 20)
			return err
		},
		"Waiting": func(ctx context.Context) error { return ignore(l.Waiting(ctx, timing, past, recovery.PageSize)) },
		"NotStarted": func(ctx context.Context) error {
			return ignore(l.NotStarted(ctx, h.service.expiry, noon, past, recovery.PageSize))
		},
		"Open": func(ctx context.Context) error {
			for _, status := range []event.Status{event.StatusConfirmed, event.StatusPreparing, event.StatusReady, event.StatusOutForDelivery} {
				if _, err := l.Open(ctx, status, recovery.ReconciliationTiming{}, past, recovery.MaxStandings); err != nil {
					return err
				}
			}
			return nil
		},
		"Unsettled": func(ctx context.Context) error {
			return ignore(l.Unsettled(ctx, noon, waitingItem{}, recovery.PageSize))
		},
		"WithPerson": func(ctx context.Context) error {
			return ignore(l.WithPerson(ctx, "c7", waitingItem{}, recovery.PageSize))
		},
	}
}

// No query of the service scans the orders, or reads many of them. The test fails for a new method of lists that listCalls lacks.
func TestQueriesReadFewOrders(t *testing.T) {
	h := newHarness(t)
	fillOrders(t, h, 20_000)
	if _, err := h.pool.Exec(t.Context(), `insert into repeats (subject, step, status, cause_kind, cause_id, first_at, last_at, count)
		select gen_random_uuid(), 'placed', 'CONFIRMED', 'request', '', now(), now(), 1 from generate_series(1, 20000)`); err != nil {
		t.Fatal(err)
	}
	// The orders that the kitchen has.
	if _, err := h.pool.Exec(t.Context(), `update state set value = convert_to(jsonb_set(doc(value), '{status}',
		to_jsonb((array['CONFIRMED', 'PREPARING', 'READY', 'OUT_FOR_DELIVERY'])[1 + ascii(right(key, 1)) % 4]))::text, 'UTF8')
		where key in (select key from orders where status = 'DELIVERED' limit 300)`); err != nil {
		t.Fatal(err)
	}
	servicetest.Vacuum(t, h.pool, "state", "repeats")
	bounds := servicetest.Bounds{Tables: []string{"state", "repeats"}, Blocks: 500, Removed: 100, Rows: 1000}
	pool, plans := wantPlans(t, h, bounds)
	repeats := timeline.Repeats{Pool: pool, Log: slog.New(slog.DiscardHandler), Actor: "order"}
	repeats.Count(t.Context(), someOrder, timeline.Step{Step: stepPlaced, At: noon})
	if _, err := repeats.Of(t.Context(), someOrder); err != nil {
		t.Error(err)
	}
	if err := repeats.Forget(t.Context(), someOrder); err != nil {
		t.Error(err)
	}
	plans.Want(t, "repeats", bounds)
}

// A connection keeps its plans, so no query may read the whole table, even if that is cheapest while the table is small.
func TestQueriesOfFewOrdersUseIndexes(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	fillOrders(t, h, 20)
	wantPlans(t, h, servicetest.Bounds{Tables: []string{"state"}, Blocks: 500, Removed: 100, Rows: 1000})
}

// wantPlans checks the plans of all methods of lists. It fails for a method that listCalls lacks. It returns a pool that records plans.
func wantPlans(t *testing.T, h *harness, bounds servicetest.Bounds) (*pgxpool.Pool, *servicetest.Plans) {
	t.Helper()
	ids := make([]string, recovery.MaxStandings)
	for i := range ids {
		ids[i] = uuid.NewString()
	}
	pool, plans := servicetest.RecordPlans(t, h.pool)
	calls := listCalls(h, openLists(pool), ids)
	for method := range reflect.TypeFor[lists]().Methods() {
		call := calls[method.Name]
		if call == nil {
			t.Errorf("lists.%s: want a call in listCalls, so that its plan is checked", method.Name)
			continue
		}
		if err := call(t.Context()); err != nil {
			t.Errorf("%s: %v", method.Name, err)
		}
		plans.Want(t, method.Name, bounds)
	}
	return pool, plans
}

// Postgres plans the lookup five times for the number of orders that it has, and then keeps one plan for any number.
func TestLookupKeepsItsPlan(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	fillOrders(t, h, 20)
	pool := servicetest.OneConnection(t, h.pool) // each connection has plans of its own
	l := openLists(pool)
	for n := range 20 {
		group := make([]Order, 1+n%3)
		for i := range group {
			group[i] = Order{ID: uuid.NewString(), CustomerID: "c1", Limits: Limits{Orders: 10, Units: 200}}
		}
		if _, err := l.lookUpAll(t.Context(), group); err != nil {
			t.Fatal(err)
		}
	}
	servicetest.WantKept(t, pool, 1)
}

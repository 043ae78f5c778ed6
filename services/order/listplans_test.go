package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// TestListsUseTheirIndexes checks the query plans over 20,000 orders: each list walks the index of its filter, in its order.
func TestListsUseTheirIndexes(t *testing.T) {
	h := newHarness(t)
	fillOrders(t, h, 20_000)
	after := position{At: time.Date(2026, 1, 7, 0, 0, 0, 0, time.UTC), ID: someOrder}
	for _, tc := range []struct {
		filter filter
		index  string
	}{
		{filter{}, "orders_newest"},
		{filter{Customer: "c7"}, "orders_of_customer"},
		{filter{Status: event.StatusPending}, "orders_in_status"},
		{filter{Customer: "c7", Status: event.StatusDelivered}, "orders_of_customer"},
	} {
		for _, after := range []position{{}, after} {
			query, args := pageQuery(tc.filter, after, 20)
			wantIndex(t, h, query, args, tc.index)
		}
	}
	args := h.service.recovery.DueArguments(pgx.NamedArgs{"kind": kind, "at": time.Time{}, "key": "order-", "limit": 100})
	wantIndex(t, h, waitingQuery, args, "orders_in_status")
	args["confirmed"] = h.clock.Now()
	wantIndex(t, h, notStartedQuery, args, "orders_in_status")
	wantIndex(t, h, pendingQuery, pgx.NamedArgs{"most": maxCounted}, "orders_in_status")
}

// Even if most orders meet the condition of a query, it does not walk the index of all orders. That would be cheaper by Postgres'
// statistics, but the query might first have to pass all the orders that are not delivered yet, or all those that were delivered long ago.
func TestFrequentConditionsUseTheirIndexes(t *testing.T) {
	t.Parallel()
	for _, status := range []event.Status{event.StatusDelivered, event.StatusConfirmed, event.StatusPending} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			insertOrders(t, h, 5000, `case when n % 10 = 0 then 'c1' else 'kiosk' end`, `case when n % 10 = 0 then 'REJECTED' else '`+string(status)+`' end`)
			for _, after := range []position{{}, {At: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC), ID: someOrder}} {
				for f, index := range map[filter]string{
					{Status: status}:                    "orders_in_status",
					{Customer: "kiosk"}:                 "orders_of_customer",
					{Customer: "kiosk", Status: status}: "orders_of_customer",
					{Customer: "c1", Status: status}:    "orders_of_customer",
				} {
					query, args := pageQuery(f, after, 20)
					wantIndex(t, h, query, args, index)
				}
			}
			args := h.service.recovery.DueArguments(pgx.NamedArgs{"kind": kind, "at": time.Time{}, "key": "order-", "limit": 100,
				"status": string(status), "confirmed": h.clock.Now(), "most": maxCounted, "customer": "kiosk"})
			wantIndex(t, h, openQuery, args, "orders_in_status")
			if status == event.StatusPending {
				wantIndex(t, h, pendingQuery, args, "orders_in_status")
			}
			// These may sort the open orders, or those of the customer.
			for _, query := range []string{waitingQuery, notStartedQuery, withPersonQuery} {
				if plan := explain(t, h, query, args); strings.Contains(plan, "orders_newest") {
					t.Errorf("%s\ngot plan\n%s\nwant another index than that of all orders", query, plan)
				}
			}
		})
	}
}

// Postgres plans a list of a customer with many orders five times for its arguments, and then keeps a plan that walks the customer's index,
// no matter how many orders the other customers have. Planning each call took longer than reading the page.
func TestListsOfACustomerKeepTheirPlan(t *testing.T) {
	t.Parallel()
	for _, count := range []int{500, 5000} {
		for _, each := range []int{1, 2, 3, 6, 20} {
			t.Run(fmt.Sprintf("%d orders, %d each", count, each), func(t *testing.T) {
				t.Parallel()
				h := newHarness(t)
				insertOrders(t, h, count, fmt.Sprintf(`case when n %% 2 = 0 then 'kiosk' else 'c' || n / %d end`, 2*each),
					`case when n % 3 = 0 then 'REJECTED' else 'DELIVERED' end`)
				pool := servicetest.OneConnection(t, h.pool) // each connection has plans of its own
				for _, status := range []event.Status{"", event.StatusDelivered} {
					for _, after := range []position{{}, {At: time.Date(2026, 1, 1, 5, 0, 0, 0, time.UTC), ID: someOrder}} {
						for range 12 {
							if _, _, err := openLists(pool).Page(t.Context(), filter{"kiosk", status}, after, 20); err != nil {
								t.Fatal(err)
							}
						}
					}
				}
				servicetest.WantKept(t, pool, 4)
				for statement, plan := range keptPlans(t, pool) {
					if !strings.Contains(plan, "Index Scan using orders_of_customer") || strings.Contains(plan, "Sort Key: ") {
						t.Errorf("%s\nkeeps the plan\n%s\nwant the walk of orders_of_customer, without a sort", statement, plan)
					}
				}
			})
		}
	}
}

// keptPlans returns the plans that the only connection of a pool keeps for lists, by their statements.
func keptPlans(t *testing.T, pool *pgxpool.Pool) map[string]string {
	t.Helper()
	plans := map[string]string{}
	rows, err := pool.Query(t.Context(), `select statement, format('explain execute %I (%s)', name,
		array_to_string(array_fill('null'::text, array[cardinality(parameter_types)]), ', '))
		from pg_prepared_statements where generic_plans > 0 and parameter_types <> '{}'`)
	if err != nil {
		t.Fatal(err)
	}
	var statement, explain string
	if _, err := pgx.ForEachRow(rows, []any{&statement, &explain}, func() error { plans[statement] = explain; return nil }); err != nil {
		t.Fatal(err)
	}
	for statement, explain := range plans {
		plans[statement] = servicetest.Explained(t, pool, explain)
	}
	return plans
}

// explain returns the plan of a query.
func explain(t *testing.T, h *harness, query string, args pgx.NamedArgs) string {
	t.Helper()
	return servicetest.Explained(t, h.pool, "explain "+query, args)
}

// wantIndex checks that Postgres runs query with the given index and sorts no orders.
func wantIndex(t *testing.T, h *harness, query string, args pgx.NamedArgs, index string) {
	t.Helper()
	plan := explain(t, h, query, args)
	if !strings.Contains(plan, "using "+index+" on state") || strings.Contains(plan, "Sort Key: ") {
		t.Errorf("%s\ngot plan\n%s\nwant index %s and no sort", query, plan, index)
	}
}

package main

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/database"
	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
)

// fillReservations adds 20,000 reservations of two dishes each, with their announced outcomes: of 100, one is RESERVED, one RELEASED, and
// the others are SOLD. The stock does not count them.
func fillReservations(t testing.TB, pool *pgxpool.Pool) {
	t.Helper()
	slow := database.Unlimited(t.Context())
	err := pgx.BeginFunc(slow, pool, func(tx pgx.Tx) error {
		for _, statement := range []string{
			`set local statement_timeout = 0`,
			`create temporary table numbered on commit drop as select n, gen_random_uuid() as id from generate_series(1, 20000) n`,
			`create temporary table dishes on commit drop as select id, row_number() over (order by id) as n from products`,
			`insert into reservations (order_id, state, outcome, decided_at, updated_at) select id,
				case n % 100 when 0 then 'RESERVED' when 1 then 'RELEASED' else 'SOLD' end, '{}', now() - n * interval '1 minute',
				now() - n * interval '1 minute' from numbered`,
			`insert into reservation_lines (order_id, product_id, quantity) select o.id, d.id, 1
				from numbered o join dishes d on d.n in (1 + o.n % (select count(*) from dishes), 1 + (o.n + 1) % (select count(*) from dishes))`,
			`insert into state (key, value) select 'reservation-' || id, convert_to('{"times":1}', 'UTF8') from numbered`,
			`insert into repeats (subject, step, status, cause_kind, cause_id, first_at, last_at, count)
				select id::text, 'stock_reserved', 'RESERVED', 'event', '', now(), now(), 1 from numbered`,
			`insert into stock_movements (id, product_id, kind, delta, available, reserved, sold, actor, at)
				select id, id, 'initial', 10, 10, 0, 0, 'test', now() from products`,
		} {
			if _, err := tx.Exec(slow, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	servicetest.Vacuum(t, pool, "reservations", "reservation_lines", "state", "stock_movements", "repeats")
}

// storeCalls has a call of each exported method of store. dish is on the menu, and the reservations of orders hold stock.
func storeCalls(s store, dish Product, orders []string) map[string]func(context.Context) error {
	ignore := func(_ any, err error) error { return err }
	three := func(_, _ any, err error) error { return err }
	return map[string]func(context.Context) error{
		"AddProduct": func(ctx context.Context) error {
			p := dish
			p.ID = uuid.NewString()
			return three(s.AddProduct(ctx, p, "f", "test"))
		},
		"ChangeProduct": func(ctx context.Context) error {
			return ignore(s.ChangeProduct(ctx, dish.ID, Patch{Name: ptr("Other soup")}))
		},
		"MoveStock": func(ctx context.Context) error {
			return ignore(s.MoveStock(ctx, movement{ID: uuid.NewString(), ProductID: dish.ID, Actor: "test", Delta: 1}))
		},
		"Product": func(ctx context.Context) error { return ignore(s.Product(ctx, dish.ID)) },
		"MenuEntries": func(ctx context.Context) error {
			return ignore(s.MenuEntries(ctx, []string{dish.ID, uuid.NewString()}))
		},
		"Menu": func(ctx context.Context) error { return ignore(s.Menu(ctx, newListing("", "", ptr(true)), nil, 21)) },
		"Reserve": func(ctx context.Context) error {
			return three(s.Reserve(ctx, Request{OrderID: uuid.NewString(), Lines: []Line{{dish.ID, 1}}}, Cause{}))
		},
		"Release":     func(ctx context.Context) error { return three(s.Release(ctx, orders[0], Cause{})) },
		"Sell":        func(ctx context.Context) error { return three(s.Sell(ctx, orders[1], Cause{})) },
		"Steps":       func(ctx context.Context) error { return ignore(s.Steps(ctx, orders[2])) },
		"Standings":   func(ctx context.Context) error { return ignore(s.Standings(ctx, orders)) },
		"MarkUnknown": func(ctx context.Context) error { return s.MarkUnknown(ctx, orders[2]) },
		"MarkKnown":   func(ctx context.Context) error { return s.MarkKnown(ctx, orders[2]) },
		"Held": func(ctx context.Context) error {
			past := heldReservation{OrderID: orders[2], UpdatedAt: time.Now().Add(-72 * time.Hour)}
			return ignore(s.Held(ctx, reconcileTiming, past, recovery.MaxStandings))
		},
		"DeleteEnded":   func(ctx context.Context) error { return ignore(s.DeleteEnded(ctx, 90*24*time.Hour)) },
		"IndexProducts": s.IndexProducts,
	}
}

// notChecked are the methods of store that act only on an empty database.
var notChecked = []string{"SeedMenu"}

// No query of the service scans a table that grows with the business, or reads many of its rows. The test fails for a new method of
// store that storeCalls lacks. TestListsUseTheirIndexes checks the searches.
func TestQueriesReadFewRows(t *testing.T) {
	s := newStore(t)
	fillMenu(t, s.pool, 20_000, lateDish)
	fillReservations(t, s.pool)
	if _, err := s.pool.Exec(t.Context(), `update stock set available = 1000, reserved = 1000; -- for Release and Sell
		update products set version = version + 1 where id in (select id from products limit 10) -- for IndexProducts`); err != nil {
		t.Fatal(err)
	}
	dish := s.addDish(t, "Soup", "Mains", "")
	rows, err := s.pool.Query(t.Context(), `select order_id::text from reservations where state = 'RESERVED' limit 100`)
	if err != nil {
		t.Fatal(err)
	}
	orders, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	pool, plans := servicetest.RecordPlans(t, s.pool)
	calls := storeCalls(openStore(pool, s.now), dish, orders)
	bounds := servicetest.Bounds{Blocks: 700, Removed: 100, Rows: 1000, Tables: []string{
		"products", "stock", "stock_movements", "product_search", "menu_sections", "reservations", "reservation_lines", "state", "repeats"}}
	for method := range reflect.TypeFor[store]().Methods() {
		call := calls[method.Name]
		if slices.Contains(notChecked, method.Name) {
			continue
		}
		if call == nil {
			t.Errorf("store.%s: want a call in storeCalls, so that its plan is checked", method.Name)
			continue
		}
		if err := call(t.Context()); err != nil {
			t.Errorf("%s: %v", method.Name, err)
		}
		plans.Want(t, method.Name, bounds)
	}
}

// Postgres plans the statements of the menu's lookup and of a reservation five times for the ids that they have, and then keeps one plan.
func TestLookupsAndReservationsKeepTheirPlans(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	pool := servicetest.OneConnection(t, s.pool) // each connection has plans of its own
	single := openStore(pool, s.now)
	dishes := []Product{s.addProduct(t, "Soup", 100), s.addProduct(t, "Cake", 100), s.addProduct(t, "Tea", 100)}
	for n := range 20 {
		var lines []Line
		var ids []string
		for _, dish := range dishes[:1+n%3] {
			lines, ids = append(lines, Line{dish.ID, 1}), append(ids, dish.ID)
		}
		_, err := single.MenuEntries(t.Context(), ids)
		_, _, reserveErr := single.Reserve(t.Context(), Request{OrderID: uuid.NewString(), Lines: lines}, Cause{})
		if err != nil || reserveErr != nil {
			t.Fatal(err, reserveErr)
		}
	}
	servicetest.WantKept(t, pool, 7)
}

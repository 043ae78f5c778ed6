package main

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/database"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

// idsOf returns the ids of a list's items.
func idsOf(r servicetest.Response) []string {
	ids := []string{}
	items, _ := r.Members["items"].([]any)
	for _, item := range items {
		ids = append(ids, item.(map[string]any)["id"].(string))
	}
	return ids
}

func TestCustomersListTheirOwnOrdersAndStaffAll(t *testing.T) {
	h := newHarness(t)
	first := h.placeOrder(t, ana)
	h.clock.Advance(time.Millisecond)
	second := h.placeOrder(t, ben)
	h.clock.Advance(time.Microsecond)
	third := h.placeOrder(t, ana)
	h.deliverReserved(t, first)
	for path, tc := range map[string]struct {
		caller servicetest.Person
		want   []string
	}{
		"/orders":                  {ana, []string{third, first}},
		"/orders?":                 {cook, []string{third, second, first}}, // the same path as ana's, but another key of the map
		"/orders?status=PENDING":   {ana, []string{third}},
		"/orders?status=CONFIRMED": {cook, []string{first}},
		"/orders?status=READY":     {cook, []string{}},
		"/orders?limit=1":          {ben, []string{second}},
	} {
		if got := h.Request(t, tc.caller, "GET", path, ""); got.Code != 200 || !slices.Equal(idsOf(got), tc.want) ||
			got.Members["nextCursor"] != nil {
			t.Errorf("%s: got %d %s, want %v", path, got.Code, got.Body, tc.want)
		}
	}
	if got := h.Request(t, cook, "GET", "/orders?status=CONFIRMED", ""); strings.Contains(got.Body, "fingerprint") ||
		!strings.Contains(got.Body, `"totalCents":1850`) {
		t.Errorf("got %s, want totals and no fingerprint", got.Body)
	}
	h.clock.Advance(time.Second)
	waiterAsCustomer := servicetest.Person{ID: staffID, Roles: []string{token.Customer}}
	if got := h.Request(t, waiterAsCustomer, "GET", "/orders", ""); got.Body != "{\"items\":[]}\n" {
		t.Errorf("customer without orders: got %s, want an empty list", got.Body)
	}
}

// TestPagesListEachOrderOnce checks that pages list every order once, newest first, even if orders share a time or new orders
// arrive between two pages.
func TestPagesListEachOrderOnce(t *testing.T) {
	h := newHarness(t)
	h.clock.Advance(noon.Truncate(time.Second).Sub(noon))
	var want []string
	for i := range 25 {
		if i%4 == 3 {
			h.clock.Advance(250 * time.Millisecond) // compared as text, 12:00:01Z would follow 12:00:01.25Z
		}
		want = append(want, h.placeOrder(t, ana))
	}
	var got []string
	cursor := ""
	for {
		page := h.Request(t, ana, "GET", "/orders?limit=3"+cursor, "")
		got = append(got, idsOf(page)...)
		if page.Text("nextCursor") == "" {
			break
		}
		cursor = "&cursor=" + page.Text("nextCursor")
		h.clock.Advance(time.Millisecond)
		h.placeOrder(t, ana) // newer than all the others, so on no later page
	}
	if slices.Sort(want); len(got) != 25 || !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("got %d orders, want %d: %v", len(got), len(want), got)
	}
	var at []time.Time
	for _, id := range got {
		order, err := h.service.orders.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		at = append(at, order.CreatedAt)
	}
	if !slices.IsSortedFunc(at, func(a, b time.Time) int { return b.Compare(a) }) {
		t.Errorf("got times %v, want newest first", at)
	}
}

func TestACursorContinuesOnlyItsList(t *testing.T) {
	h := newHarness(t)
	for range 3 {
		h.placeOrder(t, ana)
	}
	cursor := h.Request(t, ana, "GET", "/orders?limit=1&status=PENDING", "").Text("nextCursor")
	for _, tc := range []struct {
		name, query string
		caller      servicetest.Person
		code        int
	}{
		{"the same list", "status=PENDING&cursor=" + cursor, ana, 200},
		{"another limit", "limit=50&status=PENDING&cursor=" + cursor, ana, 200},
		{"another status", "status=CONFIRMED&cursor=" + cursor, ana, 400},
		{"no status", "cursor=" + cursor, ana, 400},
		{"another customer", "status=PENDING&cursor=" + cursor, ben, 400},
		{"the orders of all", "status=PENDING&cursor=" + cursor, cook, 400},
		{"a changed cursor", "status=PENDING&cursor=B" + cursor[1:], ana, 400},
		{"a longer cursor", "status=PENDING&cursor=" + cursor + "A", ana, 400},
	} {
		if got := h.Request(t, tc.caller, "GET", "/orders?"+tc.query, ""); got.Code != tc.code {
			t.Errorf("%s: got %d %s, want %d", tc.name, got.Code, got.Body, tc.code)
		}
	}
}

func TestListRejectsInvalidQueries(t *testing.T) {
	h := newHarness(t)
	encoded := func(text string) string { return "cursor=" + base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for _, query := range []string{
		"limit=0", "limit=101", "limit=x", "cursor=!", "status=pending", "status=x",
		encoded(`{}`), encoded(`null`), encoded(`{"at":"2026-11-23T12:00:00Z","id":"x"}`),
		encoded(`{"id":"` + someOrder + `"}`), encoded(`[]`),
	} {
		if got := h.Request(t, ana, "GET", "/orders?"+query, ""); got.Code != 400 {
			t.Errorf("%s: got %d, want 400", query, got.Code)
		}
	}
	if got := h.Request(t, admin, "GET", "/orders", ""); got.Code != 403 {
		t.Errorf("admin: got %d, want 403", got.Code)
	}
}

func TestListIgnoresOtherRowsOfTheStateTable(t *testing.T) {
	pool := servicetest.EmptyDatabase(t)
	servicetest.PutDocument(t, pool, "outbox-6ba7b810-9dad-11d1-80b4-00c04fd430c8", "0") // a marker of unmodified daprd's outbox
	if _, err := pool.Exec(t.Context(), `insert into state (key, value) values ('outbox-x', '\xff00')`); err != nil {
		t.Fatal(err)
	}
	for range 2 { // twice, as migrations run at every start
		if err := database.Migrate(t.Context(), pool, migrations); err != nil {
			t.Fatal(err)
		}
	}
	orders, more, err := openLists(pool).Page(t.Context(), filter{}, position{}, 10)
	if err != nil || len(orders) != 0 || more {
		t.Errorf("got %v, more: %t, %v, want no orders", orders, more, err)
	}
}

// fillOrders inserts orders of 500 customers (c0 to c499). One in a thousand is PENDING, and the others are DELIVERED.
func fillOrders(t *testing.T, h *harness, count int) {
	t.Helper()
	insertOrders(t, h, count, `'c' || n % 500`, `case when n % 1000 = 0 then 'PENDING' else 'DELIVERED' end`)
}

// insertOrders inserts orders, one for each minute. customer and status are SQL expressions of the order's number n.
func insertOrders(t *testing.T, h *harness, count int, customer, status string) {
	t.Helper()
	order := Place(someOrder, twoSoups, "f", Limits{}, owner, noon)
	document, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	slow := database.Unlimited(t.Context())
	err = pgx.BeginFunc(slow, h.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(slow, `set local statement_timeout = 0`); err != nil {
			return err
		}
		_, err := tx.Exec(slow, `
			insert into state (key, value)
			select 'order-' || id, convert_to((doc($1) || jsonb_build_object('id', id, 'customerId', `+customer+`,
			       'status', `+status+`, 'createdAt',
			       to_char(timestamptz '2026-01-01' + n * interval '1 minute', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))::text, 'UTF8')
			from (select n, gen_random_uuid() as id from generate_series(1, $2::int) n) numbered`, document, count)
		if err != nil {
			return err
		}
		_, err = tx.Exec(slow, `analyze state`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/event"
	"comanda/services/internal/database"
	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
)

// ids lists what a list answers.
func (r reply) ids() []string {
	ids := []string{}
	items, _ := r.body["items"].([]any)
	for _, item := range items {
		ids = append(ids, item.(map[string]any)["id"].(string))
	}
	return ids
}

func TestWhoSeesWhichOrders(t *testing.T) {
	h := newHarness(t)
	first := h.placeOrder(ana)
	h.advanceClock(time.Millisecond)
	second := h.placeOrder(ben)
	h.advanceClock(time.Microsecond)
	third := h.placeOrder(ana)
	h.deliverReserved(first)
	for path, tc := range map[string]struct {
		who  person
		want []string
	}{
		"/orders":                  {ana, []string{third, first}},
		"/orders?":                 {cook, []string{third, second, first}},
		"/orders?status=PENDING":   {ana, []string{third}},
		"/orders?status=CONFIRMED": {cook, []string{first}},
		"/orders?status=READY":     {cook, []string{}},
		"/orders?limit=1":          {ben, []string{second}},
	} {
		if got := h.request(tc.who, "GET", path, ""); got.Code != 200 || !slices.Equal(got.ids(), tc.want) || got.body["nextCursor"] != nil {
			t.Errorf("%s answers %d %s", path, got.Code, got.Body)
		}
	}
	if got := h.request(cook, "GET", "/orders?status=CONFIRMED", ""); strings.Contains(got.Body.String(), "fingerprint") || !strings.Contains(got.Body.String(), `"totalCents":1850`) {
		t.Errorf("answers %s", got.Body)
	}
	h.advanceClock(time.Second)
	mine := person{staffID, []string{"customer"}}
	if got := h.request(mine, "GET", "/orders", ""); got.Body.String() != "{\"items\":[]}\n" {
		t.Errorf("who has none gets %s", got.Body)
	}
}

// TestPagesAreWhole: every order once, newest first, also when many were placed at the same moment and more come between.
func TestPagesAreWhole(t *testing.T) {
	h := newHarness(t)
	h.advanceClock(noon.Truncate(time.Second).Sub(noon))
	var want []string
	for i := range 25 {
		if i%4 == 3 {
			h.advanceClock(250 * time.Millisecond) // as text, 12:00:01Z comes after 12:00:01.25Z
		}
		want = append(want, h.placeOrder(ana))
	}
	var got []string
	cursor := ""
	for {
		answer := h.request(ana, "GET", "/orders?limit=3"+cursor, "")
		got = append(got, answer.ids()...)
		if answer.text("nextCursor") == "" {
			break
		}
		cursor = "&cursor=" + answer.text("nextCursor")
		h.advanceClock(time.Millisecond)
		h.placeOrder(ana) // newer than all of them: on no later page
	}
	if slices.Sort(want); len(got) != 25 || !slices.Equal(slices.Sorted(slices.Values(got)), want) {
		t.Errorf("got %d of %d: %v", len(got), len(want), got)
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
		t.Errorf("not newest first: %v", at)
	}
}

func TestListsRefuse(t *testing.T) {
	h := newHarness(t)
	coded := func(text string) string { return "cursor=" + base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for _, query := range []string{
		"limit=0", "limit=101", "limit=x", "cursor=!", "status=pending", "status=x",
		coded(`{}`), coded(`null`), coded(`{"at":"2026-11-23T12:00:00Z","id":"x"}`), coded(`{"id":"` + someOrder + `"}`), coded(`[]`),
	} {
		if got := h.request(ana, "GET", "/orders?"+query, ""); got.Code != 400 {
			t.Errorf("%s answers %d", query, got.Code)
		}
	}
	if got := h.request(admin, "GET", "/orders", ""); got.Code != 403 {
		t.Errorf("an admin who is neither customer nor staff: %d", got.Code)
	}
}

func TestOtherRowsOfTheSidecarAreNoOrders(t *testing.T) {
	pool := servicetest.EmptyDatabase(t)
	servicetest.PutDocument(t, pool, "outbox-6ba7b810-9dad-11d1-80b4-00c04fd430c8", "0") // the stock runtime's marker
	if _, err := pool.Exec(t.Context(), `insert into state (key, value) values ('outbox-x', '\xff00')`); err != nil {
		t.Fatal(err)
	}
	for range 2 { // and again, as at every start
		if err := database.Migrate(t.Context(), pool, migrations); err != nil {
			t.Fatal(err)
		}
	}
	orders, err := lists{pool}.Page(t.Context(), filter{}, position{}, 10)
	if err != nil || len(orders) != 0 {
		t.Errorf("got %v, %v", orders, err)
	}
}

// TestListsUseTheirIndexes: of 20,000 orders no list reads more than it shows or, filtered by customer and status, more than
// that one customer has.
func TestListsUseTheirIndexes(t *testing.T) {
	h := newHarness(t)
	order := Place(someOrder, twoSoups, "f", owner, noon)
	document, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	err = pgx.BeginFunc(t.Context(), h.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `set local statement_timeout = 0`); err != nil { // machines are slow at times
			return err
		}
		_, err := tx.Exec(t.Context(), `
			insert into state (key, value)
			select 'order-' || id, convert_to((doc($1) || jsonb_build_object('id', id, 'customerId', 'c' || n % 500,
			       'status', case when n % 1000 = 0 then 'PENDING' else 'DELIVERED' end,
			       'createdAt', to_char(timestamptz '2026-01-01' + n * interval '1 minute', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')))::text, 'UTF8')
			from (select n, gen_random_uuid() as id from generate_series(1, 20000) n) numbered`, document)
		if err != nil {
			return err
		}
		_, err = tx.Exec(t.Context(), `analyze state`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
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
	wantIndex(t, h, waitingQuery, pgx.NamedArgs{"kind": kind, "announced": h.now(), "at": time.Time{}, "key": "order-", "limit": 100}, "orders_in_status")
	wantIndex(t, h, pendingQuery, pgx.NamedArgs{"most": maxCounted}, "orders_in_status")
}

func wantIndex(t *testing.T, h *harness, query string, args pgx.NamedArgs, index string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	rows, err := h.pool.Query(ctx, "explain "+query, args)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	ordered := strings.Contains(plan, "using "+index+" on state") && !strings.Contains(plan, "Sort")
	gathered := strings.Contains(plan, "Bitmap Index Scan on "+index) && index == "orders_of_customer"
	if !ordered && !gathered {
		t.Errorf("%s\n%s\nwants %s", query, plan, index)
	}
}

func TestOnlyOneReplicaRecovers(t *testing.T) {
	h := newHarness(t)
	var inside bool
	mine, err := recovery.RunExclusively(t.Context(), h.service.lists.pool, func(ctx context.Context) error {
		other, err := recovery.RunExclusively(ctx, h.service.lists.pool, func(context.Context) error { inside = true; return nil })
		if other {
			return fmt.Errorf("two at a time")
		}
		return err
	})
	if !mine || err != nil || inside {
		t.Errorf("mine %t, %v, other %t", mine, err, inside)
	}
	if again, err := recovery.RunExclusively(t.Context(), h.service.lists.pool, func(context.Context) error { return nil }); !again || err != nil {
		t.Errorf("the lock was left behind: %t, %v", again, err)
	}
}

package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"comanda/services/event"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
)

// largestOrder returns an order of ana whose texts are as long as they can be, and take the most bytes in JSON.
func largestOrder(id string, at time.Time) Order {
	text := func(length int) string { return strings.Repeat("<", length) } // six bytes each
	placement := Placement{Notes: text(maxNotes), DeliveryAddress: &event.Address{
		Street: text(200), City: text(200), PostalCode: text(200), Country: "ES"}}
	for range maxLines {
		placement.Items = append(placement.Items, PlacementLine{ProductID: uuid.NewString(), Quantity: maxQuantity})
	}
	caller := Caller{ID: ana.ID, TraceID: strings.Repeat("0", 32)}
	order := Place(id, placement, strings.Repeat("f", 64), Limits{}, caller, at)
	for i := range order.Items {
		order.Items[i].Price = &Price{text(100), 10_000_000, 10_000_000 * maxQuantity}
	}
	order.Total = &Total{"EUR", 10_000_000 * maxQuantity * maxLines}
	if _, err := order.Cancel(text(maxReason), caller, RequestIdentity{}, at); err != nil {
		panic(err)
	}
	return order
}

// putOrders stores n of the largest orders, after change has changed each, and returns their ids, oldest first.
func putOrders(t *testing.T, h *harness, n int, change func(i int, order *Order)) (ids []string) {
	t.Helper()
	for i := range n {
		order := largestOrder(uuid.NewString(), noon.Add(time.Duration(i/2)*time.Second)) // two orders of each time
		change(i, &order)
		document, err := json.Marshal(order)
		if err != nil {
			t.Fatal(err)
		}
		servicetest.PutDocument(t, h.pool, "order-"+order.ID, string(document))
		ids = append(ids, order.ID)
	}
	return ids
}

// readOrders reads all pages of a list, and returns the ids of its orders, the number of its pages and the size of the largest.
func readOrders(t *testing.T, h *harness, target string, headers ...string) (ids []string, pages, largest int) {
	t.Helper()
	orders, pages, largest := servicetest.ReadPages[struct{ ID string }](t, h.API, ana, target, headers...)
	for _, order := range orders {
		ids = append(ids, order.ID)
	}
	return ids, pages, largest
}

// A page of large orders has fewer than limit orders, and the pages list each order once.
func TestPagesAreBoundedInBytes(t *testing.T) {
	h := newHarness(t)
	want := putOrders(t, h, 40, func(i int, order *Order) {
		if i%3 == 0 { // small ones between the large ones
			order.Items, order.Notes = order.Items[:1], ""
		}
	})
	slices.Sort(want)
	const frame = len(`{"items":[],"nextCursor":""}`) + rest.MaxCursor
	for path, caller := range map[string]string{"/orders?limit=100": "gateway", "/orders?limit=100&status=CANCELLED": "gateway",
		"/export/orders?limit=100": "user"} {
		got, pages, largest := readOrders(t, h, path, rest.CallerHeader, caller)
		slices.Sort(got)
		if !slices.Equal(got, want) || largest > rest.MaxPage+frame || pages > 10 {
			t.Errorf("%s: got %d orders on %d pages of up to %d bytes, want each of the %d once on at most 10 pages of %d bytes",
				path, len(got), pages, largest, len(want), rest.MaxPage)
		}
	}
}

// An order that is larger than a page has a page of its own, also between others.
func TestAnOrderLargerThanAPageIsListed(t *testing.T) {
	h := newHarness(t)
	want := putOrders(t, h, 6, func(i int, order *Order) {
		if i > 0 && i < 5 {
			order.Notes = strings.Repeat("n", rest.MaxPage)
		}
	})
	got, pages, _ := readOrders(t, h, "/orders?limit=100")
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || pages != 6 {
		t.Errorf("got %d orders on %d pages, want 6 on 6", len(got), pages)
	}
}

// The query of a page reads one order more than limit, and of their documents only those on the page. Postgres stores a document outside of
// its row if it is large and compresses badly.
func TestAPageReadsOnlyItsDocuments(t *testing.T) {
	h := newHarness(t)
	const count = 40
	putOrders(t, h, count, func(_ int, order *Order) {
		order.Items, order.Notes = nil, ""
		for len(order.Notes) < rest.MaxPage/5 { // so that four documents fit
			order.Notes += uuid.NewString()
		}
	})
	one, _, _ := readDocuments(t, h, `select value from orders limit 1`)
	for limit, want := range map[int]int{1: 1, 3: 3, 20: 4, 100: 4} {
		query, args := pageQuery(filter{Customer: ana.ID}, position{}, limit)
		blocks, documents, rows := readDocuments(t, h, query, args)
		if documents != want || rows != min(limit+1, count) || one == 0 || blocks > want*(one+1) {
			t.Errorf("limit %d: got %d documents of %d rows, and %d blocks outside of them, want %d, %d, and %d or one more for each document", limit,
				documents, rows, blocks, want, min(limit+1, count), one)
		}
	}
}

// readDocuments runs a query for documents, and returns how many blocks outside of their rows Postgres read for them, how many documents it
// returned, and of how many rows.
func readDocuments(t *testing.T, h *harness, query string, args ...any) (blocks, documents, rows int) {
	t.Helper()
	err := pgx.BeginFunc(t.Context(), h.pool, func(tx pgx.Tx) error {
		const counts = `select idx_tup_fetch, pg_stat_get_xact_blocks_fetched(reltoastrelid)
			from pg_stat_xact_user_tables join pg_class on oid = relid where oid = 'state'::regclass`
		var rowsBefore, blocksBefore int
		if err := tx.QueryRow(t.Context(), counts).Scan(&rowsBefore, &blocksBefore); err != nil {
			return err
		}
		found, err := tx.Query(t.Context(), query, args...)
		if err != nil {
			return err
		}
		values, err := pgx.CollectRows(found, pgx.RowTo[[]byte])
		if err != nil {
			return err
		}
		for _, value := range values {
			if value != nil {
				documents++
			}
		}
		err = tx.QueryRow(t.Context(), counts).Scan(&rows, &blocks)
		rows, blocks = rows-rowsBefore, blocks-blocksBefore
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return blocks, documents, rows
}

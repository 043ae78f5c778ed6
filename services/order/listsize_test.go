package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

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

// The query of a page reads only the orders on it and one more, so it costs no more than what it returns.
func TestAPageStopsReadingWhenItIsFull(t *testing.T) {
	h := newHarness(t)
	putOrders(t, h, 40, func(int, *Order) {})
	for _, limit := range []int{1, 3, 100} {
		query, args := pageQuery(filter{Customer: ana.ID}, position{}, limit)
		var plans []struct{ Plan planNode }
		var text []byte
		if err := h.pool.QueryRow(t.Context(), "explain (analyze, timing off, format json) "+query, args).Scan(&text); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &plans); err != nil {
			t.Fatal(err)
		}
		orders, more, err := h.service.lists.Page(t.Context(), filter{Customer: ana.ID}, position{}, limit)
		if read := plans[0].Plan.rowsRead(); err != nil || !more || read != float64(len(orders)+1) || len(orders) > min(limit, 6) {
			t.Errorf("limit %d: got %d orders (more: %t, %v) from %v rows, want one row more than orders, of which 6 fill a page", limit, len(orders), more,
				err, read)
		}
	}
}

// planNode is a node of a query plan with its actual rows.
type planNode struct {
	Name  string  `json:"Node Type"`
	Rows  float64 `json:"Actual Rows"`
	Loops float64 `json:"Actual Loops"`
	Plans []planNode
}

// rowsRead returns how many rows the plan reads from tables.
func (p planNode) rowsRead() (rows float64) {
	if strings.HasPrefix(p.Name, "Index") || p.Name == "Seq Scan" {
		rows = p.Rows * p.Loops
	}
	for _, below := range p.Plans {
		rows += below.rowsRead()
	}
	return rows
}

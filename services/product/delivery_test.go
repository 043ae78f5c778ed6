package main

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// delivery is one delivery of an event of an order.
type delivery struct {
	order        int
	status       event.Status // "" for the order itself
	interruption servicetest.Interruption
}

// generatedOrder is an order with its final status.
type generatedOrder struct {
	id       string
	quantity int
	fate     event.Status // "", CANCELLED or DELIVERED
	sent     bool         // the order's own event has been handled
}

// Every event may be delivered several times, late, and in any possible sequence. Its handler may crash between any two steps. In every
// case the stock law holds at all times, each order has one outcome, and stock is held only for orders that need it.
func TestDeliveriesInAnySequenceKeepTheStockLaw(t *testing.T) {
	h := newHarness(t)
	servicetest.CheckProperty(t, func(r *rapid.T) {
		stock := rapid.IntRange(0, 6).Draw(r, "stock")
		dish := h.addProduct(t, "Soup "+uuid.NewString(), stock).ID
		orders := drawOrders(r)
		waiting := drawDeliveries(r, orders)
		for n := 0; len(waiting) > 0; n++ {
			if n == servicetest.MaxDeliveries {
				r.Fatalf("the last %d events are retried without end", len(waiting))
			}
			next := waiting[0]
			waiting = waiting[1:]
			if h.deliver(t, r, dish, orders, next) {
				next.interruption = servicetest.NoInterruption
				waiting = append(waiting, next)
			}
			h.checkLaw(t, r, dish, stock)
		}
		h.checkOutcomes(t, r, orders)
	})
}

func drawOrders(r *rapid.T) []generatedOrder {
	orders := make([]generatedOrder, rapid.IntRange(1, 4).Draw(r, "orders"))
	for i := range orders {
		orders[i] = generatedOrder{id: uuid.NewString(), quantity: rapid.IntRange(1, 3).Draw(r, "quantity"),
			fate: rapid.SampledFrom([]event.Status{"", event.StatusCancelled, event.StatusDelivered}).Draw(r, "fate")}
	}
	return orders
}

// drawDeliveries returns each event of the orders up to three times, in random order.
func drawDeliveries(r *rapid.T, orders []generatedOrder) []delivery {
	var all []delivery
	for i, o := range orders {
		for range rapid.IntRange(1, 3).Draw(r, "times placed") {
			all = append(all, delivery{order: i})
		}
		for range rapid.IntRange(1, 3).Draw(r, "times changed") {
			if o.fate != "" {
				all = append(all, delivery{order: i, status: o.fate})
			}
		}
	}
	all = rapid.Permutation(all).Draw(r, "order of events")
	for i := range all {
		all[i].interruption = servicetest.Interruptions().Draw(r, "interruption")
	}
	return all
}

// deliver delivers an event and reports whether it must be delivered again. An order is delivered to its customer only after it was
// confirmed. So DELIVERED waits for the reservation, and is never sent for a rejected order.
func (h harness) deliver(t *testing.T, r *rapid.T, dish string, orders []generatedOrder, d delivery) (again bool) {
	o := &orders[d.order]
	if d.status == event.StatusDelivered {
		if !o.sent {
			return true
		}
		if h.state(t, o.id) == Failed {
			return false
		}
	}
	needsAgain := h.sidecar.Interrupt(d.interruption)
	var result string
	if d.status == "" {
		result = h.placeOrder(t, o.id, dish, o.quantity)
		o.sent = o.sent || result == "SUCCESS"
	} else {
		result = h.changeStatus(t, o.id, d.status)
	}
	if result != "SUCCESS" && result != "RETRY" {
		r.Fatalf("%+v of order %+v: got %s, want SUCCESS or RETRY", d, *o, result)
	}
	return needsAgain(result)
}

func (h harness) state(t *testing.T, orderID string) State {
	t.Helper()
	var state State
	if err := h.pool.QueryRow(t.Context(), `select state from reservations where order_id = $1`, orderID).Scan(&state); err != nil {
		t.Fatal(err)
	}
	return state
}

// checkLaw checks that no piece of the dish appears, disappears or is owed.
func (h harness) checkLaw(t *testing.T, r *rapid.T, dish string, stock int) {
	var s Stock
	var promised, delivered int
	if err := h.pool.QueryRow(t.Context(), `select s.available, s.reserved, s.sold, l.promised, l.delivered
		from stock s join stock_law l using (product_id) where product_id = $1`, dish,
	).Scan(&s.Available, &s.Reserved, &s.Sold, &promised, &delivered); err != nil {
		r.Fatal(err)
	}
	if s.Available < 0 || s.Available+s.Reserved+s.Sold != stock || s.Reserved != promised || s.Sold != delivered {
		r.Fatalf("the stock law is violated: %+v of %d, promised %d, delivered %d", s, stock, promised, delivered)
	}
}

// checkOutcomes checks, after the last event, the state of each order's reservation, and that all outcomes that were announced for an
// order are equal. Only a cancelled order is also answered that it was cancelled.
func (h harness) checkOutcomes(t *testing.T, r *rapid.T, orders []generatedOrder) {
	announced := map[string]string{}
	reserved, failed := h.announced(t)
	note := func(id string, outcome any) {
		text := fmt.Sprintf("%+v", outcome)
		if before, twice := announced[id]; twice && before != text {
			r.Fatalf("order %s has two outcomes:\n%s", id, cmp.Diff(before, text))
		}
		announced[id] = text
	}
	for _, e := range reserved {
		note(e.OrderID, e)
	}
	for _, e := range failed {
		if e.Reason != event.ReasonReleased {
			note(e.OrderID, e)
		} else if s := h.state(t, e.OrderID); s != Released && s != Tombstone {
			r.Fatalf("order %s, whose reservation is %s, was answered that it was cancelled", e.OrderID, s)
		}
	}
	ends := map[event.Status][]State{
		"": {Reserved, Failed}, event.StatusCancelled: {Released, Tombstone, Failed}, event.StatusDelivered: {Sold, Failed},
	}
	for _, o := range orders {
		state := h.state(t, o.id)
		possible := ends[o.fate]
		if !slices.Contains(possible, state) {
			r.Fatalf("order %+v: got %s, want one of %v", o, state, possible)
		}
		if _, told := announced[o.id]; !told && (state == Reserved || state == Sold || state == Failed) {
			r.Fatalf("order %+v is %s, and order was never told", o, state)
		}
	}
}

package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/servicetest"
)

// wantLimitReached checks that an answer is the problem limit-reached and that its detail has the given text.
func wantLimitReached(t *testing.T, got servicetest.Response, detail string) {
	t.Helper()
	if got.Code != http.StatusConflict || got.Text("type") != "/problems/limit-reached" || !strings.Contains(got.Text("detail"), detail) {
		t.Errorf("got %d %s, want the problem limit-reached with %q", got.Code, got.Body, detail)
	}
}

func TestOpenOrdersOfOneCustomerAreLimited(t *testing.T) {
	h := newHarness(t)
	h.service.limits = Limits{Orders: 2, Units: 100}
	key := []string{"Idempotency-Key", "k1"}
	first := servicetest.Decode[response](t, h.Request(t, ana, "POST", "/orders", basket, key...), http.StatusCreated)
	second := h.placeOrder(t, ana)
	h.sidecar.BeforeNextWrite(func() { t.Error("a refused order was written: that is expensive on unmodified daprd (decision 0017)") })
	wantLimitReached(t, h.Request(t, ana, "POST", "/orders", basket), "2 open orders, and the limit is 2")
	h.sidecar.BeforeNextWrite(nil)
	if again := h.Request(t, ana, "POST", "/orders", basket, key...); again.Code != http.StatusOK || again.Text("id") != first.ID {
		t.Errorf("the accepted order's repetition: got %d %s, want 200 with that order", again.Code, again.Body)
	}
	h.placeOrder(t, ben)
	h.placeOrder(t, cook)
	h.deliverReserved(t, first.ID) // CONFIRMED is still open
	wantLimitReached(t, h.Request(t, ana, "POST", "/orders", basket), "the limit is 2")
	h.deliverFailed(t, second) // REJECTED is not
	h.placeOrder(t, ana)
	if got := h.Request(t, ana, "POST", "/orders/"+first.ID+"/cancel", ""); got.Code != http.StatusOK {
		t.Fatalf("cancel: got %d %s, want 200", got.Code, got.Body)
	}
	h.placeOrder(t, ana)
	wantLimitReached(t, h.Request(t, ana, "POST", "/orders", basket), "the limit is 2")
}

func TestUnitsOfOneCustomerAreLimited(t *testing.T) {
	h := newHarness(t)
	h.service.limits = Limits{Orders: 100, Units: 7}
	h.placeOrder(t, ana) // 3 units
	wantLimitReached(t, h.Request(t, ana, "POST", "/orders", strings.Replace(basket, ":2", ":4", 1)), "the limit is 7:")
	h.placeOrder(t, ana)
	wantLimitReached(t, h.Request(t, ana, "POST", "/orders", basket), "the limit is 7:")
	wantLimitReached(t, h.Request(t, ana, "POST", "/orders", strings.Replace(basket, ":2", ":7", 1)), "this order has 8 units, and the open orders of one customer may have 7")
}

// TestConcurrentOrdersStayWithinTheLimits checks the trigger, with two replicas: the check before the write cannot order concurrent
// requests.
func TestConcurrentOrdersStayWithinTheLimits(t *testing.T) {
	for name, limits := range map[string]Limits{"orders": {Orders: 4, Units: 1000}, "units": {Orders: 1000, Units: 14}} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.service.limits = limits
			second := *h.service
			second.orders = document.NewStore[Order](servicetest.NewSidecar(h.pool), "orders", kind)
			replicas := []servicetest.API{h.API, servicetest.NewAPI(second.routes(), second.subscriptions())}
			codes := make([]int, 50)
			var all sync.WaitGroup
			for i := range codes {
				all.Go(func() { codes[i] = replicas[i%2].Request(t, ana, "POST", "/orders", basket).Code })
			}
			all.Wait()
			count := map[int]int{}
			for _, code := range codes {
				count[code]++
			}
			if count[http.StatusCreated] != 4 || count[http.StatusConflict] != 46 {
				t.Errorf("got answers %v, want 4 times 201 and 46 times 409", count)
			}
			held, err := h.service.lists.Held(t.Context(), ana.ID)
			if err != nil || held != (Held{Orders: 4, Units: 12}) {
				t.Errorf("got %+v, %v, want 4 orders with 12 units", held, err)
			}
		})
	}
}

// TestConcurrentRepeatsAtTheLimit checks that copies of the request that took the last place are answered with its order.
func TestConcurrentRepeatsAtTheLimit(t *testing.T) {
	h := newHarness(t)
	h.service.limits = Limits{Orders: 1, Units: 3}
	answers := make([]servicetest.Response, 20)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = h.Request(t, ana, "POST", "/orders", basket, "Idempotency-Key", "k1") })
	}
	all.Wait()
	for _, answer := range answers {
		if answer.Code >= 300 || answer.Text("id") != answers[0].Text("id") {
			t.Errorf("got %d %s, want the one order", answer.Code, answer.Body)
		}
	}
}

// TestRequestThatLosesTheLastPlaceIsRefused checks the answer to a request that the lookup admits and the trigger refuses.
func TestRequestThatLosesTheLastPlaceIsRefused(t *testing.T) {
	h := newHarness(t)
	h.service.limits = Limits{Orders: 1, Units: 100}
	h.sidecar.BeforeNextWrite(func() { h.placeOrder(t, ana) })
	wantLimitReached(t, h.Request(t, ana, "POST", "/orders", basket), "the limit is 1")
	if got := len(servicetest.Events(t, h.sidecar, "orders", event.OrderCreatedPending)); got != 1 {
		t.Errorf("got %d events, want only that of the accepted order", got)
	}
}

// TestOneLimitAlone checks that a limit of 0 is none, in the lookup and in the trigger.
func TestOneLimitAlone(t *testing.T) {
	for _, limits := range []Limits{{Orders: 2}, {Units: 6}} {
		h := newHarness(t)
		h.service.limits = limits
		h.placeOrder(t, ana)
		h.placeOrder(t, ana)
		wantLimitReached(t, h.Request(t, ana, "POST", "/orders", basket), "the limit is")
	}
}

// TestOpenOrdersAreCountedByTheirIndex checks that the count does not read the customer's past orders.
func TestOpenOrdersAreCountedByTheirIndex(t *testing.T) {
	h := newHarness(t)
	if _, err := h.pool.Exec(t.Context(), `insert into state (key, value)
		select 'order-' || n, convert_to(json_build_object('customerId', $1::text, 'status', case n % 500 when 0 then 'PENDING' else 'DELIVERED' end,
			'createdAt', '2026-11-23T12:00:00Z', 'announcedAt', '2026-11-23T12:00:00Z',
			'items', json_build_array(json_build_object('quantity', 2)))::text, 'UTF8')
		from generate_series(1, 5000) as n`, ana.ID); err != nil {
		t.Fatal(err)
	}
	held, err := h.service.lists.Held(t.Context(), ana.ID)
	if err != nil || held != (Held{Orders: 10, Units: 20}) {
		t.Fatalf("got %+v, %v, want 10 orders with 20 units", held, err)
	}
	for _, before := range []string{"select", "analyze state"} { // without and with statistics of the table
		if _, err := h.pool.Exec(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		var plan strings.Builder
		rows, err := h.pool.Query(t.Context(), fmt.Sprintf(`explain select orders, units from held_by('%s')`, ana.ID))
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var line string
			if err := rows.Scan(&line); err != nil {
				t.Fatal(err)
			}
			plan.WriteString(line + "\n")
		}
		if !strings.Contains(plan.String(), "orders_open") {
			t.Errorf("after %q: got the plan\n%swant one that uses the index orders_open", before, plan.String())
		}
	}
}

func TestMessagesOfLimitsHaveTheRightNumber(t *testing.T) {
	for want, err := range map[string]error{
		"you have 1 open order, and the limit is 1":             Limits{Orders: 1}.Allow(Held{Orders: 1, Units: 1}, 1),
		"you have 2 open orders, and the limit is 2":            Limits{Orders: 2}.Allow(Held{Orders: 2, Units: 2}, 1),
		"your open orders have 1 unit, this order has 2":        Limits{Units: 2}.Allow(Held{Orders: 1, Units: 1}, 2),
		"this order has 3 units, and the open orders of one cu": Limits{Units: 2}.Allow(Held{}, 3),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

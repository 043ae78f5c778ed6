package journey

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// A repeated request with the same key returns the same order in its current state.
func TestRepeatedKeyReturnsTheSameOrder(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana, bea, dish, key := t.Context(), s.Customer(), s.Customer(), s.Dish(50, 700), uuid.NewString()
	post := func(by scenario.User, b any) client.Response {
		t.Helper()
		return scenario.Try(by.Do(ctx, client.Request{Method: http.MethodPost, Path: "/orders", Body: b,
			Header: http.Header{"Idempotency-Key": {key}}})).OrFail(t)
	}
	if first := post(ana, scenario.Basket(dish, 2)); first.Status != http.StatusCreated {
		t.Fatalf("the first request: got %d, want 201: %s", first.Status, first.Body)
	}
	placed := scenario.Try(ana.OrderOnce(ctx, key, scenario.Basket(dish, 2))).OrFail(t)
	s.WantStatus(ana, placed.ID, client.Confirmed)

	again := scenario.Try(ana.OrderOnce(ctx, key, scenario.Basket(dish, 2))).OrFail(t)
	if again.ID != placed.ID || again.Status != client.Confirmed || again.TotalCents != 1400 {
		t.Errorf("the repeated request: got %+v, want %s, CONFIRMED and a total of 1400", again, placed.ID)
	}
	reordered := post(ana, `{ "items": [ { "quantity":2, "productId": "`+dish.ID+`" } ] }`)
	if reordered.Status != http.StatusOK {
		t.Errorf("the same request with other JSON formatting: got %d, want 200: %s", reordered.Status, reordered.Body)
	}
	refused(ana.OrderOnce(ctx, key, scenario.Basket(dish, 3))).want(t, http.StatusUnprocessableEntity)

	other := scenario.Try(bea.OrderOnce(ctx, key, scenario.Basket(dish, 3))).OrFail(t) // each customer has their own keys
	if other.ID == placed.ID {
		t.Error("two customers used the same key and got one order, want two orders")
	}
	s.WantStatus(bea, other.ID, client.Confirmed)
	s.WantStock(dish, 45, 5, 0)
}

// Twenty simultaneous requests with one key create one order.
func TestSimultaneousRequestsWithOneKeyCreateOneOrder(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana, dish, key := s.Customer(), s.Dish(50, 700), uuid.NewString()
	orders := scenario.Try(concurrently(20, func(int) (client.Order, error) {
		return ana.OrderOnce(t.Context(), key, scenario.Basket(dish, 2))
	})).OrFail(t)
	for _, order := range orders {
		if order.ID != orders[0].ID {
			t.Fatalf("one key created the orders %s and %s, want one order", orders[0].ID, order.ID)
		}
	}
	s.WantStatus(ana, orders[0].ID, client.Confirmed)
	if all := scenario.Try(ana.Orders(t.Context(), "", client.Page{})).OrFail(t); len(all.Items) != 1 {
		t.Errorf("orders of the customer: got %d, want 1", len(all.Items))
	}
	s.WantStock(dish, 48, 2, 0)
}

// Without a key, every request creates another order.
func TestRequestsWithoutAKeyCreateSeparateOrders(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana, dish := s.Customer(), s.Dish(50, 700)
	first, second := s.PlaceConfirmed(ana, scenario.Basket(dish, 1)), s.PlaceConfirmed(ana, scenario.Basket(dish, 1))
	if first.ID == second.ID {
		t.Error("two requests without a key created one order, want two")
	}
}

// Simultaneous requests with one key add stock once and create one product.
func TestOneKeyAddsStockOnceAndCreatesOneProduct(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	dish, key := s.Dish(10, 700), uuid.NewString()
	header := http.Header{"Idempotency-Key": {key}}
	answers := scenario.Try(concurrently(8, func(int) (client.Response, error) {
		return s.Admin.Do(t.Context(), client.Request{Method: http.MethodPost, Path: "/products/" + dish.ID + "/stock",
			Body: map[string]int{"delta": 5}, Header: header})
	})).OrFail(t)
	for _, answer := range answers {
		if answer.Status != http.StatusOK {
			t.Fatalf("adding stock: got %d, want 200: %s", answer.Status, answer.Body)
		}
	}
	s.WantStock(dish, 15, 0, 0)

	ids := scenario.Try(concurrently(8, func(int) (string, error) {
		answer, err := s.Admin.Do(t.Context(), client.Request{Method: http.MethodPost, Path: "/products", Header: header,
			Body: client.NewProduct{Name: "Flan " + key, Category: "tests", PriceCents: 300}})
		return answer.Header.Get("Location"), err
	})).OrFail(t)
	if ids[0] == "" || countEqual(ids, ids[0]) != len(ids) {
		t.Errorf("products of one key: got %v, want one product", ids)
	}
}

package journey

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

func TestConfirmedOrderHasPricesAndReservesStock(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana := s.Customer()
	tortilla, paella := s.Dish(10, 850), s.Dish(5, 1450)
	wanted := client.Basket{
		Items:           []client.Item{{ProductID: tortilla.ID, Quantity: 3}, {ProductID: paella.ID, Quantity: 2}},
		DeliveryAddress: &client.Address{Street: "Gran Vía 2", City: "Madrid", PostalCode: "28013", Country: "ES"},
		Notes:           "sin cebolla — 不要洋葱",
	}

	answer := post(t, ana.Client, "/orders", wanted)
	if answer.Status != http.StatusCreated || !strings.Contains(string(answer.Body), `"status":"PENDING"`) {
		t.Fatalf("placing the order: got %d, want 201 and PENDING: %s", answer.Status, answer.Body)
	}
	id, found := strings.CutPrefix(answer.Header.Get("Location"), "/api/v1/orders/")
	if !found {
		t.Fatalf("Location: got %q, want /api/v1/orders/...", answer.Header.Get("Location"))
	}

	got := s.WantStatus(ana, id, client.Confirmed)
	if got.CustomerID != ana.ID || got.TotalCents != 3*850+2*1450 || got.Currency != "EUR" || got.Version != 2 {
		t.Errorf("the confirmed order: got %+v, want version 2 of %s with a total of 5450 EUR cents", got, ana.ID)
	}
	if got.Notes != wanted.Notes || got.DeliveryAddress == nil || *got.DeliveryAddress != *wanted.DeliveryAddress {
		t.Errorf("notes or address differ from the request: %+v", got)
	}
	lines := map[string]client.Line{}
	for _, line := range got.Items {
		lines[line.ProductID] = line
	}
	for _, want := range []client.Line{
		{ProductID: tortilla.ID, Quantity: 3, Name: tortilla.Name, UnitPriceCents: 850, LineTotalCents: 2550},
		{ProductID: paella.ID, Quantity: 2, Name: paella.Name, UnitPriceCents: 1450, LineTotalCents: 2900},
	} {
		if got := lines[want.ProductID]; got != want {
			t.Errorf("line: got %+v, want %+v", got, want)
		}
	}
	s.WantStock(tortilla, 7, 3, 0)
	s.WantStock(paella, 3, 2, 0)
}

// An order that product cannot reserve completely reserves nothing and lists its shortages.
func TestRejectedOrderListsItsShortages(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana := s.Customer()
	plenty, scarce, none := s.Dish(50, 100), s.Dish(2, 200), s.Dish(0, 300)

	placed := scenario.Try(ana.Order(t.Context(), client.Basket{Items: []client.Item{
		{ProductID: plenty.ID, Quantity: 5}, {ProductID: scarce.ID, Quantity: 3}, {ProductID: none.ID, Quantity: 1},
	}})).OrFail(t)
	got := s.WantStatus(ana, placed.ID, client.Rejected)
	if got.Reason != "insufficient_stock" || len(got.Shortages) != 2 {
		t.Fatalf("got reason %q and shortages %+v, want insufficient_stock and 2", got.Reason, got.Shortages)
	}
	short := map[string]client.Shortage{}
	for _, shortage := range got.Shortages {
		short[shortage.ProductID] = shortage
	}
	if want := (client.Shortage{ProductID: scarce.ID, Requested: 3, Available: 2}); short[scarce.ID] != want {
		t.Errorf("got %+v, want %+v", short[scarce.ID], want)
	}
	if want := (client.Shortage{ProductID: none.ID, Requested: 1, Available: 0}); short[none.ID] != want {
		t.Errorf("got %+v, want %+v", short[none.ID], want)
	}
	if got.TotalCents != 0 {
		t.Errorf("total of the rejected order: got %d, want 0", got.TotalCents)
	}
	s.WantStock(plenty, 50, 0, 0)
	s.WantStock(scarce, 2, 0, 0)
}

// An order keeps the prices of its reservation when the menu changes.
func TestOrdersKeepTheirPrices(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana, dish := s.Customer(), s.Dish(10, 500)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 2))

	dearer := int64(900)
	scenario.Try(s.Admin.ChangeProduct(t.Context(), dish.ID, client.ProductChange{PriceCents: &dearer})).OrFail(t)
	if again := scenario.Try(ana.GetOrder(t.Context(), order.ID, 0)).OrFail(t); again.TotalCents != 1000 {
		t.Errorf("total after the price change: got %d, want 1000", again.TotalCents)
	}
	if next := s.PlaceConfirmed(ana, scenario.Basket(dish, 2)); next.TotalCents != 1800 {
		t.Errorf("total of the next order: got %d, want 1800", next.TotalCents)
	}
}

// A request with `Prefer: wait` returns as soon as the order is decided, confirms the preference, and never waits longer than
// requested.
func TestPreferWaitReturnsWhenTheOrderIsDecided(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana, dish := s.Customer(), s.Dish(10, 500)
	placed := scenario.Try(ana.Order(t.Context(), scenario.Basket(dish, 1))).OrFail(t)

	answer := scenario.Try(ana.Do(t.Context(), client.Request{Method: http.MethodGet, Path: "/orders/" + placed.ID,
		Header: http.Header{"Prefer": {"wait=20"}}})).OrFail(t)
	if answer.Status != http.StatusOK || !strings.Contains(string(answer.Body), `"CONFIRMED"`) {
		t.Errorf("Prefer: wait=20: got %d, want 200 and CONFIRMED: %s", answer.Status, answer.Body)
	}
	if applied := answer.Header.Get("Preference-Applied"); applied != "wait=20" {
		t.Errorf("Preference-Applied: got %q, want wait=20", applied)
	}
	begun := time.Now()
	scenario.Try(ana.GetOrder(t.Context(), placed.ID, 20*time.Second)).OrFail(t)
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("waiting for a decided order took %v, want at most 10s", took)
	}
	for preference, applied := range map[string]string{"wait=31": "wait=30", "wait=-1": "", "wait=soon": "", "foo, WAIT=2": "wait=2"} {
		answer := scenario.Try(ana.Do(t.Context(), client.Request{Method: http.MethodGet, Path: "/orders/" + placed.ID,
			Header: http.Header{"Prefer": {preference}}})).OrFail(t)
		if got := answer.Header.Get("Preference-Applied"); answer.Status != http.StatusOK || got != applied {
			t.Errorf("Prefer: %s: got %d, Preference-Applied %q, want 200 and %q", preference, answer.Status, got, applied)
		}
	}
}

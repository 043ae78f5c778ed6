package main

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"comanda/services/event"
)

const (
	order  = "0a000000-0000-4000-8000-000000000001"
	pizza  = "0b000000-0000-4000-8000-000000000001"
	pasta  = "0b000000-0000-4000-8000-000000000002"
	fondue = "0b000000-0000-4000-8000-000000000003"
	ghost  = "0b000000-0000-4000-8000-000000000009"
)

var dishes = map[string]Dish{
	pizza:  {"Pizza", 990, "EUR", true, 10},
	pasta:  {"Pasta", 1290, "EUR", true, 2},
	fondue: {"Fondue", 3100, "CHF", true, 5},
}

func TestDecideReservesEveryLineOrNone(t *testing.T) {
	inactive := Dish{"Soup", 500, "EUR", false, 7}
	menu := map[string]Dish{ghost: inactive}
	for id, dish := range dishes {
		menu[id] = dish
	}
	failure := func(reason string, shortages ...event.Shortage) Outcome {
		return Outcome{Failed: &event.StockFailed{OrderID: order, Version: 1, Reason: reason,
			Shortages: append([]event.Shortage{}, shortages...)}}
	}
	for name, tc := range map[string]struct {
		lines []Line
		want  Outcome
	}{
		"enough stock": {[]Line{{pasta, 2}, {pizza, 3}}, Outcome{Reserved: &event.StockReserved{
			OrderID: order, Version: 1, Currency: "EUR", TotalCents: 2*1290 + 3*990,
			Items: []event.ReservedLine{{ProductID: pasta, Quantity: 2, Name: "Pasta", UnitPriceCents: 1290, LineTotalCents: 2580},
				{ProductID: pizza, Quantity: 3, Name: "Pizza", UnitPriceCents: 990, LineTotalCents: 2970}},
		}}},
		"one line short": {[]Line{{pizza, 1}, {pasta, 3}},
			failure("insufficient_stock", event.Shortage{ProductID: pasta, Requested: 3, Available: 2})},
		"not on the menu": {[]Line{{order, 1}},
			failure("insufficient_stock", event.Shortage{ProductID: order, Requested: 1})},
		"no longer on the menu": {[]Line{{ghost, 1}},
			failure("insufficient_stock", event.Shortage{ProductID: ghost, Requested: 1})},
		"two currencies": {[]Line{{pizza, 1}, {fondue, 1}}, failure("mixed_currencies")},
		"two currencies and a shortage": {[]Line{{pizza, 1}, {fondue, 6}},
			failure("insufficient_stock", event.Shortage{ProductID: fondue, Requested: 6, Available: 5})},
		"one foreign currency": {[]Line{{fondue, 1}}, Outcome{Reserved: &event.StockReserved{
			OrderID: order, Version: 1, Currency: "CHF", TotalCents: 3100,
			Items: []event.ReservedLine{{ProductID: fondue, Quantity: 1, Name: "Fondue", UnitPriceCents: 3100, LineTotalCents: 3100}},
		}}},
		"very large quantity": {[]Line{{pizza, 1 << 62}},
			failure("insufficient_stock", event.Shortage{ProductID: pizza, Requested: 1 << 62, Available: 10})},
	} {
		if got := Decide(Request{OrderID: order, Lines: tc.lines}, menu); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s: got %+v %+v, want %+v %+v", name, got.Reserved, got.Failed, tc.want.Reserved, tc.want.Failed)
		}
	}
}

// A customer never pays more than expected, nor in another currency. A shortage comes first: it explains more.
func TestDecideRejectsATotalThatIsHigherThanExpected(t *testing.T) {
	lines := []Line{{pizza, 2}} // 1980 EUR
	changed := Outcome{Failed: &event.StockFailed{
		OrderID: order, Version: 1, Reason: "price_changed", Shortages: []event.Shortage{}, Currency: "EUR", TotalCents: 1980}}
	for name, tc := range map[string]struct {
		lines    []Line
		expected *Expected
		reason   string
	}{
		"no expectation":         {lines, nil, ""},
		"the same total":         {lines, &Expected{1980, "EUR"}, ""},
		"the menu got cheaper":   {lines, &Expected{1981, "EUR"}, ""},
		"any currency":           {lines, &Expected{1980, ""}, ""},
		"the menu got dearer":    {lines, &Expected{1979, "EUR"}, "price_changed"},
		"free, it was said":      {lines, &Expected{0, ""}, "price_changed"},
		"another currency":       {lines, &Expected{5000, "CHF"}, "price_changed"},
		"a shortage comes first": {[]Line{{pizza, 11}}, &Expected{1, "EUR"}, "insufficient_stock"},
		"so do two currencies":   {[]Line{{pizza, 1}, {fondue, 1}}, &Expected{1, "EUR"}, "mixed_currencies"},
	} {
		got := Decide(Request{order, tc.lines, tc.expected}, dishes)
		switch {
		case tc.reason == "" && got.Reserved == nil, tc.reason != "" && (got.Failed == nil || got.Failed.Reason != tc.reason):
			t.Errorf("%s: got %+v %+v, want reason %q", name, got.Reserved, got.Failed, tc.reason)
		case tc.reason == "price_changed" && !reflect.DeepEqual(got, changed):
			t.Errorf("%s: got %+v, want %+v", name, got.Failed, changed.Failed)
		}
	}
}

func TestParseOrderReadsTheExpectedTotal(t *testing.T) {
	expected := int64(0)
	placed := event.OrderPlaced{OrderID: order, Items: []event.OrderLine{{ProductID: pizza, Quantity: 1}}, ExpectedTotalCents: &expected, Currency: "EUR"}
	if got, err := ParseOrder(placed); err != nil || got.Expected == nil || *got.Expected != (Expected{0, "EUR"}) {
		t.Errorf("got %+v, %v, want an expected total of 0 EUR", got.Expected, err)
	}
	placed.ExpectedTotalCents = nil
	if got, err := ParseOrder(placed); err != nil || got.Expected != nil {
		t.Errorf("without expectedTotalCents: got %+v, %v, want none", got.Expected, err)
	}
}

func TestLargestTotalIsBelow2To53(t *testing.T) {
	menu, lines := map[string]Dish{}, []Line{}
	for i := range maxLines {
		id := strings.Repeat("x", i+1)
		menu[id] = Dish{id, maxPrice, "EUR", true, maxStock}
		lines = append(lines, Line{id, maxStock})
	}
	got := Decide(Request{OrderID: order, Lines: lines}, menu).Reserved.TotalCents
	if got != maxLines*maxStock*maxPrice || got >= 1<<53 {
		t.Errorf("got %d, want %d", got, maxLines*maxStock*maxPrice)
	}
}

func TestParseOrderRejectsInvalidOrders(t *testing.T) {
	item := func(id string, quantity int) event.OrderLine {
		return event.OrderLine{ProductID: id, Quantity: quantity}
	}
	for name, tc := range map[string]struct {
		placed event.OrderPlaced
		valid  bool
	}{
		"valid":              {event.OrderPlaced{OrderID: order, Items: []event.OrderLine{item(pizza, 1), item(pasta, 1)}}, true},
		"no order id":        {event.OrderPlaced{Items: []event.OrderLine{item(pizza, 1)}}, false},
		"no lines":           {event.OrderPlaced{OrderID: order}, false},
		"too many lines":     {event.OrderPlaced{OrderID: order, Items: make([]event.OrderLine, maxLines+1)}, false},
		"invalid product id": {event.OrderPlaced{OrderID: order, Items: []event.OrderLine{item("pizza", 1)}}, false},
		"quantity of zero":   {event.OrderPlaced{OrderID: order, Items: []event.OrderLine{item(pizza, 0)}}, false},
		"negative quantity":  {event.OrderPlaced{OrderID: order, Items: []event.OrderLine{item(pizza, -1)}}, false},
		"same product twice": {event.OrderPlaced{OrderID: order,
			Items: []event.OrderLine{item(pizza, 1), item(strings.ToUpper(pizza), 1)}}, false},
	} {
		if _, err := ParseOrder(tc.placed); (err == nil) != tc.valid {
			t.Errorf("%s: got %v, want valid: %t", name, err, tc.valid)
		}
	}
}

func TestCancelAndDeliverInEveryState(t *testing.T) {
	for from, want := range map[State]struct{ cancelled, delivered State }{ // "" means errContradiction
		Reserved:  {Released, Sold},
		Failed:    {Failed, ""},
		Released:  {Released, ""},
		Sold:      {"", Sold},
		Tombstone: {Tombstone, ""},
	} {
		check := func(event string, step func() (State, error), want State) {
			got, err := step()
			if want == "" && !errors.Is(err, errContradiction) || want != "" && (got != want || err != nil) {
				t.Errorf("%s %s: got %s, %v, want %q", from, event, got, err, want)
			}
		}
		check("cancelled", from.AfterCancellation, want.cancelled)
		check("delivered", from.AfterDelivery, want.delivered)
	}
}

package journey

import (
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// A customer who states the highest acceptable total never pays more, although the menu's price has risen since the customer read it.
func TestPriceRiseRejectsTheOrder(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana, dish := t.Context(), s.Customer(), s.Dish(10, 700)
	order := func(expected int64) client.Order {
		t.Helper()
		basket := scenario.Basket(dish, 2)
		basket.ExpectedTotalCents, basket.Currency = &expected, dish.Currency
		return scenario.Try(ana.Order(ctx, basket)).OrFail(t)
	}
	s.WantStatus(ana, order(1400).ID, client.Confirmed)
	risen := int64(750)
	scenario.Try(s.Admin.ChangeProduct(ctx, dish.ID, client.ProductChange{PriceCents: &risen})).OrFail(t)
	rejected := s.WantStatus(ana, order(1400).ID, client.Rejected)
	if rejected.Reason != "price_changed" || len(rejected.Shortages) != 0 {
		t.Errorf("got %s with shortages %v, want price_changed without any", rejected.Reason, rejected.Shortages)
	}
	s.WantStock(dish, 8, 2, 0)
	if now := s.WantStatus(ana, order(1600).ID, client.Confirmed); now.TotalCents != 1500 {
		t.Errorf("got a total of %d, want the menu's 1500, below the expected 1600", now.TotalCents)
	}
}

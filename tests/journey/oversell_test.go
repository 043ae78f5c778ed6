package journey

import (
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// When simultaneous orders exceed the stock of a dish, exactly the stock is sold.
func TestSimultaneousOrdersNeverExceedTheStock(t *testing.T) {
	t.Parallel()
	sys := sharedSystem(t)
	s := newScenario(t, sys)
	const stock, n = 40, 60
	ana, cook, dish, other := s.Customer(), s.Staff(), s.Dish(stock, 700), s.Dish(1000, 100)
	settled := scenario.Try(concurrently(n, func(i int) (client.Order, error) {
		want := scenario.Basket(dish, 1+i%3)
		want.Items = append(want.Items, client.Item{ProductID: other.ID, Quantity: 1})
		placed, err := ana.Order(t.Context(), want)
		if err != nil {
			return placed, err
		}
		return ana.GetOrder(t.Context(), placed.ID, scenario.SagaTimeout)
	})).OrFail(t)
	sold, confirmed := 0, 0
	for _, order := range settled {
		switch order.Status {
		case client.Confirmed:
			confirmed++
			for _, line := range order.Items {
				if line.ProductID == dish.ID {
					sold += line.Quantity
				}
			}
		case client.Rejected:
			if short := order.Shortages[0]; short.ProductID != dish.ID || short.Available >= short.Requested {
				t.Errorf("shortage: got %+v, want fewer of %s available than requested", short, dish.ID)
			}
		default:
			t.Errorf("order %s: got %s, want CONFIRMED or REJECTED", order.ID, order.Status)
		}
	}
	if sold > stock || sold < stock-2 { // the last orders may have wanted more than was left
		t.Errorf("sold: got %d, want %d to %d", sold, stock-2, stock)
	}
	s.WantStock(dish, stock-sold, sold, 0)
	s.WantStock(other, 1000-confirmed, confirmed, 0)

	// Some orders are cancelled and some delivered, again all at the same time.
	ends := scenario.Try(concurrently(n, func(i int) (bool, error) {
		if settled[i].Status != client.Confirmed {
			return false, nil
		}
		if i%2 == 0 {
			_, err := ana.Cancel(t.Context(), settled[i].ID, "")
			return false, err
		}
		for _, step := range kitchenSteps {
			if _, err := cook.Advance(t.Context(), settled[i].ID, step); err != nil {
				return false, err
			}
		}
		return true, nil
	})).OrFail(t)
	out := 0
	for i, delivered := range ends {
		if delivered {
			out += settled[i].Items[0].Quantity
		}
	}
	s.WantStock(dish, stock-out, 0, out)
	wantInvariants(t, sys)
}

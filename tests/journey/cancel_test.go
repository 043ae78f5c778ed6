package journey

import (
	"net/http"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// A cancellation by a customer or by staff releases the stock, in every status with a reservation that allows it.
func TestCancelReleasesTheStock(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana, cook := t.Context(), s.Customer(), s.Staff()
	for _, test := range []struct {
		name  string
		steps []string // of the kitchen, before the cancellation
		by    scenario.User
	}{
		{"confirmed, by its customer", nil, ana},
		{"confirmed, by staff", nil, cook},
		{"preparing, by staff", kitchenSteps[:1], cook},
		{"ready, by staff", kitchenSteps[:2], cook},
	} {
		dish := s.Dish(10, 700)
		order := s.PlaceConfirmed(ana, scenario.Basket(dish, 3))
		s.WantStock(dish, 7, 3, 0)
		for _, step := range test.steps {
			scenario.Try(cook.Advance(ctx, order.ID, step)).OrFail(t)
		}
		got := scenario.Try(test.by.Cancel(ctx, order.ID, "no longer hungry")).OrFail(t)
		if got.Status != client.Cancelled || got.Reason != "no longer hungry" {
			t.Errorf("%s: got %s (%s), want CANCELLED (no longer hungry)", test.name, got.Status, got.Reason)
		}
		s.WantStock(dish, 10, 0, 0)
		again := scenario.Try(test.by.Cancel(ctx, order.ID, "another reason")).OrFail(t)
		if again.Version != got.Version || again.Reason != got.Reason {
			t.Errorf("%s: a second cancellation changed the order to %+v", test.name, again)
		}
		refused(cook.Advance(ctx, order.ID, client.Preparing)).want(t, http.StatusConflict)
		s.WantStock(dish, 10, 0, 0)
	}
}

// After the cancellation of a PENDING order nothing stays reserved, even if product handles the cancellation first.
func TestCancelWhilePendingLeavesNoReservation(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana, dish := s.Customer(), s.Dish(100, 700)
	const n = 12
	cancelled := scenario.Try(concurrently(n, func(int) (client.Order, error) {
		placed, err := ana.Order(t.Context(), scenario.Basket(dish, 2))
		if err != nil {
			return placed, err
		}
		return ana.Cancel(t.Context(), placed.ID, "")
	})).OrFail(t)
	for _, order := range cancelled {
		if order.Status != client.Cancelled {
			t.Errorf("order %s: got %s, want CANCELLED", order.ID, order.Status)
		}
	}
	s.WantStock(dish, 100, 0, 0)
	for _, order := range cancelled {
		if now := scenario.Try(ana.GetOrder(t.Context(), order.ID, 0)).OrFail(t); now.Status != client.Cancelled {
			t.Errorf("order %s later: got %s, want CANCELLED", order.ID, now.Status)
		}
	}
}

func TestLateCancellationsAreRefused(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana, cook, dish := t.Context(), s.Customer(), s.Staff(), s.Dish(10, 700)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))

	scenario.Try(cook.Advance(ctx, order.ID, client.Preparing)).OrFail(t)
	refused(ana.Cancel(ctx, order.ID, "")).want(t, http.StatusConflict) // too late for the customer
	scenario.Try(cook.Advance(ctx, order.ID, client.Ready)).OrFail(t)
	scenario.Try(cook.Advance(ctx, order.ID, client.OutForDelivery)).OrFail(t)
	refused(cook.Cancel(ctx, order.ID, "")).want(t, http.StatusConflict) // too late for staff
	scenario.Try(cook.Advance(ctx, order.ID, client.Delivered)).OrFail(t)
	refused(cook.Cancel(ctx, order.ID, "")).want(t, http.StatusConflict)
	s.WantStock(dish, 9, 0, 1)
}

// When a customer cancels while the kitchen starts, exactly one of the two succeeds, and the stock matches the result.
func TestEitherCancelOrPreparingSucceeds(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana, cook, dish := s.Customer(), s.Staff(), s.Dish(100, 700)
	reserved := 0
	for range 5 {
		order := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))
		statuses := scenario.Try(concurrently(2, func(i int) (int, error) {
			var err error
			if i == 0 {
				_, err = ana.Cancel(t.Context(), order.ID, "")
			} else {
				_, err = cook.Advance(t.Context(), order.ID, client.Preparing)
			}
			if client.Refused(err) != nil {
				return client.Status(err), nil
			}
			return http.StatusOK, err
		})).OrFail(t)
		now := scenario.Try(ana.GetOrder(t.Context(), order.ID, 0)).OrFail(t)
		switch {
		case now.Status == client.Cancelled && statuses[0] == http.StatusOK && statuses[1] == http.StatusConflict:
		case now.Status == client.Preparing && statuses[0] == http.StatusConflict && statuses[1] == http.StatusOK:
			reserved++
		default:
			t.Errorf("cancel returned %d, preparing %d, and the order is %s; want exactly one success", statuses[0], statuses[1],
				now.Status)
		}
	}
	s.WantStock(dish, 100-reserved, reserved, 0)
}

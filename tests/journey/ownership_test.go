package journey

import (
	"net/http"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// Other customers get a 404 for an order that is not theirs.
func TestOrdersArePrivate(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana, bea, cook, dish := t.Context(), s.Customer(), s.Customer(), s.Staff(), s.Dish(10, 700)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))

	refused(bea.GetOrder(ctx, order.ID, 0)).want(t, http.StatusNotFound)
	refused(bea.Cancel(ctx, order.ID, "")).want(t, http.StatusNotFound)
	refused(s.Anonymous.GetOrder(ctx, order.ID, 0)).want(t, http.StatusUnauthorized)
	if hers := scenario.Try(bea.Orders(ctx, "", client.Page{})).OrFail(t); len(hers.Items) != 0 {
		t.Errorf("orders of a customer without orders: got %+v, want none", hers.Items)
	}
	scenario.Try(cook.GetOrder(ctx, order.ID, 0)).OrFail(t)
	if now := scenario.Try(ana.GetOrder(ctx, order.ID, 0)).OrFail(t); now.Status != client.Confirmed {
		t.Errorf("the order after the other customer's requests: got %s, want CONFIRMED", now.Status)
	}
}

func TestProfilesArePrivate(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana, bea, cook := t.Context(), s.Customer(), s.Customer(), s.Staff()
	for _, caller := range []scenario.User{bea, cook} {
		refused(caller.User(ctx, ana.ID)).want(t, http.StatusForbidden)
		refused(caller.Users(ctx, client.Page{})).want(t, http.StatusForbidden)
	}
	refused(s.Anonymous.Me(ctx)).want(t, http.StatusUnauthorized)
	if seen := scenario.Try(s.Admin.User(ctx, ana.ID)).OrFail(t); seen.Email != ana.Person.Email {
		t.Errorf("the profile for the administrator: got %+v, want the e-mail %s", seen, ana.Person.Email)
	}
}

// Customers cannot act as staff, and staff cannot act as administrators.
func TestRolesLimitWhatAnAccountMayDo(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana, cook, dish := t.Context(), s.Customer(), s.Staff(), s.Dish(10, 700)
	price, dishOfCaller := int64(1), client.NewProduct{Name: "Mine", Category: "tests", PriceCents: 1}
	for _, test := range []struct {
		caller *client.Client
		status int
	}{{ana.Client, http.StatusForbidden}, {s.Anonymous, http.StatusUnauthorized}} {
		refused(test.caller.AddStock(ctx, dish.ID, 1)).want(t, test.status)
		refused(test.caller.Advance(ctx, dish.ID, client.Preparing)).want(t, test.status)
		refused(test.caller.AddProduct(ctx, dishOfCaller)).want(t, test.status)
		refused(test.caller.ChangeProduct(ctx, dish.ID, client.ProductChange{PriceCents: &price})).want(t, test.status)
	}
	refused(cook.AddProduct(ctx, dishOfCaller)).want(t, http.StatusForbidden)
	refused(cook.ChangeProduct(ctx, dish.ID, client.ProductChange{PriceCents: &price})).want(t, http.StatusForbidden)
	scenario.Try(cook.AddStock(ctx, dish.ID, 1)).OrFail(t)
	s.WantStock(dish, 11, 0, 0)

	// Only staff see the reserved and sold quantities.
	s.PlaceConfirmed(ana, scenario.Basket(dish, 2))
	s.WantStock(dish, 9, 2, 0)
	if seen := scenario.Try(ana.Product(ctx, dish.ID)).OrFail(t); seen.Reserved != 0 || seen.Available != 9 {
		t.Errorf("the dish for a customer: got %+v, want 9 available and no reserved quantity", seen)
	}
}

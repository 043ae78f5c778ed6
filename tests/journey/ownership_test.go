package journey

import (
	"net/http"
	"testing"

	"comanda/tests/client"
)

// To others, an order is not there at all.
func TestOrdersArePrivate(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	ctx, ana, bea, cook, dish := t.Context(), w.customer(), w.customer(), w.staff(), w.dish(10, 700)
	order := w.confirmed(ana, basket(dish, 1))

	refused(bea.GetOrder(ctx, order.ID, 0))(t, http.StatusNotFound)
	refused(bea.Cancel(ctx, order.ID, ""))(t, http.StatusNotFound)
	refused(w.nobody.GetOrder(ctx, order.ID, 0))(t, http.StatusUnauthorized)
	if hers := must(bea.Orders(ctx, "", client.Page{}))(t); len(hers.Items) != 0 {
		t.Errorf("a customer without orders sees %+v", hers.Items)
	}
	must(cook.GetOrder(ctx, order.ID, 0))(t)
	if now := must(ana.GetOrder(ctx, order.ID, 0))(t); now.Status != client.Confirmed {
		t.Errorf("what others tried made it %s", now.Status)
	}
}

func TestProfilesArePrivate(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	ctx, ana, bea, cook := t.Context(), w.customer(), w.customer(), w.staff()
	for _, caller := range []user{bea, cook} {
		refused(caller.User(ctx, ana.id))(t, http.StatusForbidden)
		refused(caller.Users(ctx, client.Page{}))(t, http.StatusForbidden)
	}
	refused(w.nobody.Me(ctx))(t, http.StatusUnauthorized)
	if seen := must(w.admin.User(ctx, ana.id))(t); seen.Email != ana.person.Email {
		t.Errorf("the administrator sees %+v", seen)
	}
}

// Customers cannot do the work of staff, nor staff that of administrators.
func TestRoles(t *testing.T) {
	t.Parallel()
	w := arrive(t, peaceful(t))
	ctx, ana, cook, dish := t.Context(), w.customer(), w.staff(), w.dish(10, 700)
	price := int64(1)
	for _, test := range []struct {
		caller *client.Client
		status int
	}{{ana.Client, http.StatusForbidden}, {w.nobody, http.StatusUnauthorized}} {
		refused(test.caller.AddStock(ctx, dish.ID, 1))(t, test.status)
		refused(test.caller.Advance(ctx, dish.ID, client.Preparing))(t, test.status)
		refused(test.caller.AddProduct(ctx, client.NewProduct{Name: "Mine", Category: "tests", PriceCents: 1}))(t, test.status)
		refused(test.caller.ChangeProduct(ctx, dish.ID, client.ProductChange{PriceCents: &price}))(t, test.status)
	}
	refused(cook.AddProduct(ctx, client.NewProduct{Name: "Mine", Category: "tests", PriceCents: 1}))(t, http.StatusForbidden)
	refused(cook.ChangeProduct(ctx, dish.ID, client.ProductChange{PriceCents: &price}))(t, http.StatusForbidden)
	must(cook.AddStock(ctx, dish.ID, 1))(t)
	w.wantStock(dish, 11, 0, 0)

	// What is reserved and sold is the kitchen's business.
	w.confirmed(ana, basket(dish, 2))
	w.wantStock(dish, 9, 2, 0)
	if seen := must(ana.Product(ctx, dish.ID))(t); seen.Reserved != 0 || seen.Available != 9 {
		t.Errorf("a customer sees %+v", seen)
	}
}

package journey

import (
	"testing"

	"comanda/tests/client"
	"comanda/tests/system"
	"comanda/tests/town"
)

// The services need nothing of our runtime: both sagas, their failures and a cancellation, on the stock one.
func TestOnTheStockRuntime(t *testing.T) {
	t.Parallel()
	s := system.Start(t, system.Options{Stock: true})
	w := arrive(t, s)
	ctx, ana, dish := t.Context(), w.Customer(), w.Dish(5, 850)

	twin := town.Somebody()
	twin.Phone = ana.Person.Phone
	begun := town.Must(w.Nobody.Register(ctx, twin))(t)
	placed := town.Must(ana.Order(ctx, town.Basket(dish, 2)))(t)
	watching := town.Watch(t, ana, placed.ID, "")
	watching.Within = town.Patience
	if got := town.Must(w.Nobody.Registration(ctx, begun.UserID, town.Patience))(t); got.Status != client.AccountRejected {
		t.Errorf("the registration with a taken phone is %+v", got)
	}
	if got := w.Settled(ana, placed.ID, client.Confirmed); got.TotalCents != 1700 {
		t.Errorf("the order is %+v", got)
	}
	watching.Want(client.Confirmed)

	large := town.Must(ana.Order(ctx, town.Basket(dish, 4)))(t)
	if got := w.Settled(ana, large.ID, client.Rejected); len(got.Shortages) != 1 || got.Shortages[0].Available != 3 {
		t.Errorf("the order that was too large is %+v", got)
	}
	town.Must(ana.Cancel(ctx, placed.ID, ""))(t)
	watching.Want(client.Cancelled)
	watching.WantEnd()
	w.WantStock(dish, 5, 0, 0)
	wantBooks(t, s)
}

package journey

import (
	"testing"

	"comanda/tests/client"
	"comanda/tests/system"
)

// The services need nothing of our runtime: both sagas, their failures and a cancellation, on the stock one.
func TestOnTheStockRuntime(t *testing.T) {
	t.Parallel()
	s := system.Start(t, system.Options{Stock: true})
	w := arrive(t, s)
	ctx, ana, dish := t.Context(), w.customer(), w.dish(5, 850)

	twin := somebody()
	twin.Phone = ana.person.Phone
	begun := must(w.nobody.Register(ctx, twin))(t)
	placed := must(ana.Order(ctx, basket(dish, 2)))(t)
	watching := watch(t, ana, placed.ID, "")
	watching.within = patience
	if got := must(w.nobody.Registration(ctx, begun.UserID, patience))(t); got.Status != client.AccountRejected {
		t.Errorf("the registration with a taken phone is %+v", got)
	}
	if got := w.settled(ana, placed.ID, client.Confirmed); got.TotalCents != 1700 {
		t.Errorf("the order is %+v", got)
	}
	watching.want(client.Confirmed)

	large := must(ana.Order(ctx, basket(dish, 4)))(t)
	if got := w.settled(ana, large.ID, client.Rejected); len(got.Shortages) != 1 || got.Shortages[0].Available != 3 {
		t.Errorf("the order that was too large is %+v", got)
	}
	must(ana.Cancel(ctx, placed.ID, ""))(t)
	watching.want(client.Cancelled)
	watching.wantEnd()
	w.wantStock(dish, 5, 0, 0)
	wantBooks(t, s)
}

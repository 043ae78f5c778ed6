package journey

import (
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// The services do not depend on our daprd: both sagas, their failures and a cancellation work on unmodified daprd.
func TestSagasWorkOnStockDaprd(t *testing.T) {
	t.Parallel()
	sys := system.Start(t, system.Options{Stock: true})
	s := newScenario(t, sys)
	ctx, ana, dish := t.Context(), s.Customer(), s.Dish(5, 850)

	s.VerifyPhone(ana)
	twin := scenario.NewPerson()
	twin.Phone = ana.Person.Phone
	begun := scenario.Try(s.Anonymous.Register(ctx, twin)).OrFail(t)
	placed := scenario.Try(ana.Order(ctx, scenario.Basket(dish, 2))).OrFail(t)
	watching := scenario.Watch(t, ana, placed.ID, "")
	watching.Within = scenario.SagaTimeout
	got := scenario.Try(s.Anonymous.Registration(ctx, begun.UserID, scenario.SagaTimeout)).OrFail(t)
	if got.Status != client.AccountRejected {
		t.Errorf("the registration with a taken phone: got %+v, want REJECTED", got)
	}
	if got := s.WantStatus(ana, placed.ID, client.Confirmed); got.TotalCents != 1700 {
		t.Errorf("the confirmed order: got %+v, want a total of 1700", got)
	}
	watching.Want(client.Confirmed)

	large := scenario.Try(ana.Order(ctx, scenario.Basket(dish, 4))).OrFail(t)
	if got := s.WantStatus(ana, large.ID, client.Rejected); len(got.Shortages) != 1 || got.Shortages[0].Available != 3 {
		t.Errorf("the order that exceeds the stock: got %+v, want one shortage with 3 available", got)
	}
	scenario.Try(ana.Cancel(ctx, placed.ID, "")).OrFail(t)
	watching.Want(client.Cancelled)
	watching.WantEnd()
	s.WantStock(dish, 5, 0, 0)
	wantInvariants(t, sys)
}

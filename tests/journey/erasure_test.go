package journey

import (
	"net/http"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// An erasure that begins while user and order are down completes when they are back, even if auth is killed meanwhile. Until then it is
// announced again and again, and the person cannot log in.
func TestErasureSurvivesOutages(t *testing.T) {
	t.Parallel()
	sys := system.Start(t, system.Options{Settings: map[string]string{"RECOVERY_AFTER": "1s", "RECOVERY_EVERY": "500ms"}})
	s := newScenario(t, sys)
	ctx, ana, dish := t.Context(), s.Customer(), s.Dish(10, 700)
	basket := scenario.Basket(dish, 1)
	basket.DeliveryAddress, basket.Notes = ana.Person.Address, "ring twice"
	placed := s.PlaceConfirmed(ana, basket)
	scenario.Try(ana.Cancel(ctx, placed.ID, "too hungry")).OrFail(t)
	for _, service := range []string{"user", "order"} {
		sys.Pair(service).Service.Kill()
		sys.Pair(service).Sidecar.Kill()
	}
	if begun := scenario.Try(ana.Erase(ctx)).OrFail(t); begun.Status != client.AccountDeleting {
		t.Errorf("got %+v, want DELETING", begun)
	}
	wantMetrics(t, sys, "auth", map[string]between{
		`comanda_recovery_total{step="announced_again"}`: {2, noLimit}, `comanda_erasures_total{status="DELETING"}`: {1, 1},
	})
	refused(s.Anonymous.Login(ctx, ana.Person.Email, ana.Person.Password)).want(t, http.StatusForbidden)
	sys.Pair("auth").Service.Kill()
	sys.Pair("auth").Sidecar.Kill()
	if err := sys.StartMissing(ctx); err != nil {
		t.Fatal(err)
	}
	scenario.EventuallyWithin(t, scenario.OutageTimeout, "all services are ready again", sys.Ready)
	if done := scenario.Try(s.Anonymous.Erasure(ctx, ana.ID, scenario.SagaTimeout)).OrFail(t); done.Status != client.AccountErased {
		t.Errorf("got %+v, want ERASED", done)
	}
	order := scenario.Try(s.Staff().GetOrder(ctx, placed.ID, 0)).OrFail(t)
	if order.DeliveryAddress != nil || order.Notes != "" || order.Reason != "" || order.CustomerID != ana.ID || order.TotalCents != 700 {
		t.Errorf("got %+v, want the order without the person", order)
	}
	if again := s.Register(ana.Person); again.ID == ana.ID {
		t.Error("the new account has the id of the erased one")
	}
	wantInvariants(t, sys)
}

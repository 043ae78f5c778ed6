//go:build compose

package compose

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// Orders, accounts and generated secrets survive `down` and `up`. The `up` starts three replicas of order and of product, which
// the later phases need.
func testDownAndUp(t *testing.T, sys *stack) {
	s := sys.scenario(t)
	ana, dish := s.Customer(), s.Dish(10, 700)
	order := s.PlaceConfirmed(ana, scenario.Basket(dish, 2))
	before := map[string]map[string]string{}
	for _, service := range services {
		before[service] = sys.secrets(t, service)
	}
	since := time.Now()
	scenario.Try(sys.compose(t.Context(), "down", "--timeout", "15")).OrFail(t)
	printProgress("     down after %.0f s", time.Since(since).Seconds())
	sys.files = slices.Insert(sys.files, 1, sys.path("docker-compose.scale.yml"))
	since = time.Now()
	sys.composeUp(t)
	sys.awaitHealthy(t, startTimeout)
	printProgress("     up again after %.0f s, with three replicas of order and of product", time.Since(since).Seconds())
	for _, service := range services {
		if !maps.Equal(before[service], sys.secrets(t, service)) {
			t.Errorf("%s: the generated secrets changed", service)
		}
	}
	got := scenario.Try(ana.GetOrder(t.Context(), order.ID, 0)).OrFail(t)
	if got.Status != client.Confirmed || got.TotalCents != order.TotalCents {
		t.Errorf("the order from before `down`: got %+v, want %+v", got, order)
	}
	s = sys.scenario(t)
	scenario.Try(s.Anonymous.Login(t.Context(), ana.Person.Email, ana.Person.Password)).OrFail(t)
	s.WantStock(dish, 8, 2, 0)
}

// After a change of JWT_SECRET_KEY, tokens that the old key has signed are refused, and a new login returns valid ones.
func testKeyRotation(t *testing.T, sys *stack) {
	s := sys.scenario(t)
	ana := s.Customer()
	scenario.Try(ana.Me(t.Context())).OrFail(t)
	if err := os.Remove(filepath.Join(sys.dir, "key")); err != nil {
		t.Fatal(err)
	}
	sys.settings["JWT_SECRET_KEY"] = sys.loadOrCreateKey(t)
	sys.composeUp(t) // distributes the new key
	scenario.Try(sys.compose(t.Context(), append([]string{"restart"}, services...)...)).OrFail(t)
	sys.awaitHealthy(t, startTimeout)
	scenario.EventuallyWithin(t, time.Minute, "the old token is refused", func(ctx context.Context) error {
		_, err := ana.Me(ctx)
		if client.Status(err) == 401 {
			return nil
		}
		return errorOr(err, "the old token is accepted")
	})
	again := scenario.Try(s.Anonymous.Login(t.Context(), ana.Person.Email, ana.Person.Password)).OrFail(t)
	if me := scenario.Try(again.Me(t.Context())).OrFail(t); me.ID != ana.ID {
		t.Errorf("profile after the new login: got %+v, want the one of %s", me, ana.ID)
	}
}

// `down -v` leaves no container, network or volume.
func testDownRemovesEverything(t *testing.T, sys *stack) {
	if sys.keep {
		t.Log("KEEP=yes: the system stays up")
		return
	}
	since := time.Now()
	scenario.Try(sys.compose(t.Context(), "down", "--volumes", "--timeout", "15")).OrFail(t)
	if err := checkNothingLeft(t.Context()); err != nil {
		t.Errorf("objects remain after down -v: %v", err)
	}
	printProgress("     removed after %.0f s", time.Since(since).Seconds())
}

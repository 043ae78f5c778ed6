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

// What was there before `down` is there after `up`: orders, accounts, and the secrets nobody gave. It comes up with three of
// order and of product, for the parts that follow.
func testDownAndUp(t *testing.T, s *stack) {
	w := s.scenario(t)
	ana, dish := w.Customer(), w.Dish(10, 700)
	order := w.PlaceConfirmed(ana, scenario.Basket(dish, 2))
	before := map[string]map[string]string{}
	for _, service := range services {
		before[service] = s.secrets(t, service)
	}
	since := time.Now()
	scenario.Must(s.compose(t.Context(), "down", "--timeout", "15"))(t)
	say("     down after %.0f s", time.Since(since).Seconds())
	s.files = slices.Insert(s.files, 1, s.path("docker-compose.scale.yml"))
	since = time.Now()
	s.up(t)
	s.healthy(t, startup)
	say("     up again, with three of order and of product, after %.0f s", time.Since(since).Seconds())
	for _, service := range services {
		if !maps.Equal(before[service], s.secrets(t, service)) {
			t.Errorf("%s has other secrets than before", service)
		}
	}
	if got := scenario.Must(ana.GetOrder(t.Context(), order.ID, 0))(t); got.Status != client.Confirmed || got.TotalCents != order.TotalCents {
		t.Errorf("the order of before is %+v", got)
	}
	w = s.scenario(t)
	scenario.Must(w.Anonymous.Login(t.Context(), ana.Person.Email, ana.Person.Password))(t)
	w.WantStock(dish, 8, 2, 0)
}

// With another JWT_SECRET_KEY, tokens of the old one are worth nothing; logging in gives new ones.
func testRotation(t *testing.T, s *stack) {
	w := s.scenario(t)
	ana := w.Customer()
	scenario.Must(ana.Me(t.Context()))(t)
	if err := os.Remove(filepath.Join(s.dir, "key")); err != nil {
		t.Fatal(err)
	}
	s.settings["JWT_SECRET_KEY"] = s.keptKey(t)
	s.up(t)
	s.healthy(t, startup)
	scenario.EventuallyWithin(t, time.Minute, "the old token is refused", func(ctx context.Context) error {
		_, err := ana.Me(ctx)
		if client.Status(err) == 401 {
			return nil
		}
		return errorOr(err, "it is taken")
	})
	again := scenario.Must(w.Anonymous.Login(t.Context(), ana.Person.Email, ana.Person.Password))(t)
	if me := scenario.Must(again.Me(t.Context()))(t); me.ID != ana.ID {
		t.Errorf("it is somebody else: %+v", me)
	}
}

// `down -v` is clean.
func testDownAndGone(t *testing.T, s *stack) {
	if s.keep {
		t.Log("KEEP=yes: nothing is taken down")
		return
	}
	since := time.Now()
	scenario.Must(s.compose(t.Context(), "down", "--volumes", "--timeout", "15"))(t)
	if err := left(t.Context()); err != nil {
		t.Errorf("down -v leaves %v", err)
	}
	say("     gone after %.0f s", time.Since(since).Seconds())
}

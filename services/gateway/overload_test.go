package main

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

// Calls above the bound of a service are shed at once, with Retry-After. Calls to other services are not, and a call that ends makes
// room for another.
func TestCallsAboveTheBoundAreShed(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	h := newHarness(t, func(c *config) { c.Calls = 2 })
	h.gateway.registerMetrics(registry)
	arrived, release := make(chan struct{}), make(chan struct{})
	h.sidecar.respondWith(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("query") == "slow" {
			arrived <- struct{}{}
			<-release
		}
		_ = rest.JSON(w, http.StatusOK, nil)
	})
	answered := make(chan response)
	for range 2 {
		go func() { answered <- h.send("GET", prefix+"/products?query=slow", "") }()
		<-arrived
	}
	got := h.send("GET", prefix+"/products", "")
	if after, _ := strconv.Atoi(got.Header.Get("Retry-After")); got.StatusCode != http.StatusServiceUnavailable || after != 2 {
		t.Errorf("the third call: got %d, Retry-After %d, want 503 with 2", got.StatusCode, after)
	}
	if got := h.send("GET", prefix+"/auth/registrations/"+orderID, ""); got.StatusCode != http.StatusOK {
		t.Errorf("a call to another service: got %d, want 200", got.StatusCode)
	}
	servicetest.WantMetrics(t, registry, `comanda_calls_in_flight{app="product"} 2`, `comanda_calls_shed_total{app="product"} 1`,
		`comanda_calls_bound{app="product"} 2`)
	close(release)
	for range 2 {
		if got := <-answered; got.StatusCode != http.StatusOK {
			t.Errorf("an admitted call: got %d, want 200", got.StatusCode)
		}
	}
	if got := h.send("GET", prefix+"/products", ""); got.StatusCode != http.StatusOK {
		t.Errorf("after the others have ended: got %d, want 200", got.StatusCode)
	}
}

// The calls about dead letters name no service of their own, so they have no bound and no metric.
func TestEveryBoundIsThatOfAService(t *testing.T) {
	t.Parallel()
	for app := range newCallBounds(1) {
		if !slices.Contains(services.Stateful, app) {
			t.Errorf("got a bound for the service %q", app)
		}
	}
}

// A service that answers slowly gets fewer calls. When it is fast again it gets more, up to the highest bound.
func TestTheBoundFollowsTheService(t *testing.T) {
	t.Parallel()
	b, now := newCallBound(100), time.Now()
	b.now = func() time.Time { return now }
	round := func(calls int, took time.Duration, measured bool) (shed int) {
		begun := map[string]time.Time{}
		for i := range calls {
			client := fmt.Sprint(i)
			if at, err := b.begin(client); err == nil {
				begun[client] = at
			} else if fault.Is(err, fault.KindUnavailable) {
				shed++
			}
		}
		now = now.Add(took)
		for client, at := range begun {
			b.end(client, at, measured)
		}
		return shed
	}
	if shed := round(150, slowCall+1, false); shed != 50 {
		t.Errorf("150 calls at once: got %d shed, want 50", shed)
	}
	if _, bound := b.state(); bound != 100 {
		t.Errorf("calls without an answer: got bound %v, want 100 as before", bound)
	}
	round(150, slowCall+1, true)
	if _, bound := b.state(); bound != 80 {
		t.Errorf("many slow calls at the same time: got bound %v, want it lowered once to 80", bound)
	}
	for range 20 {
		round(150, slowCall+1, true)
	}
	if _, bound := b.state(); bound != leastCalls {
		t.Errorf("slow for long: got bound %v, want the least, %d", bound, leastCalls)
	}
	round(1, time.Millisecond, true)
	if _, bound := b.state(); bound != leastCalls {
		t.Errorf("a fast call alone: got bound %v, want it unchanged", bound)
	}
	for range 1000 {
		round(150, time.Millisecond, true)
	}
	if inFlight, bound := b.state(); bound != 100 || inFlight != 0 {
		t.Errorf("fast again: got bound %v and %d in flight, want 100 and none", bound, inFlight)
	}
}

// A client that sends as much as it can does not keep others out: it leaves places for those that have less, and in the end each has its
// share. This also holds when the bound is at its least.
func TestOneClientLeavesRoomForOthers(t *testing.T) {
	t.Parallel()
	for _, bound := range []int{leastCalls, 512} {
		b := newCallBound(bound)
		fill := func(client string) (admitted int) {
			for {
				if _, err := b.begin(client); err != nil {
					return admitted
				}
				admitted++
			}
		}
		greedy, other := fill("greedy"), fill("other")
		if greedy != bound*3/4 || other == 0 || greedy+other > bound {
			t.Errorf("bound %d: got %d calls of a client and then %d of another, want %d and some", bound, greedy, other, bound*3/4)
		}
		for range greedy { // when a call of the first client ends, its place is free, and the first client itself asks first
			b.end("greedy", time.Now(), false)
			greedy += fill("greedy") - 1
			other += fill("other")
		}
		if other < bound/4 || greedy < bound/4 || greedy+other > bound {
			t.Errorf("bound %d, later: got %d calls of the first and %d of the other, want a share for both", bound, greedy, other)
		}
		if third := fill("third"); third == 0 && greedy+other < bound {
			t.Errorf("bound %d: got no call of a third client, with %d and %d of the others", bound, greedy, other)
		}
		for client, calls := range b.clients {
			for range calls {
				b.end(client, time.Now(), false)
			}
		}
		if len(b.clients) != 0 || b.inFlight != 0 {
			t.Errorf("bound %d: got %v and %d calls in flight after all have ended", bound, b.clients, b.inFlight)
		}
	}
}

// The calls for streams and dead letters count like all others.
func TestEveryCallOfAClientIsBounded(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(c *config) { c.Calls = 1 })
	for _, app := range []string{"order", "auth", "user", "product"} {
		if _, err := h.gateway.callBounds[app].begin("another"); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range calls() {
		got := h.send(c.method, prefix+strings.NewReplacer("{id}", letterID(3, 1), "{userId}", account).Replace(c.path), "",
			"Authorization", bearer(t, token.Customer, token.Staff, token.Admin))
		if reached := h.sidecar.takeRequests(); got.StatusCode != http.StatusServiceUnavailable || len(reached) != 0 {
			t.Errorf("%s %s: got %d %s, calls %v, want 503 and none", c.method, c.path, got.StatusCode, got.text, reached)
		}
	}
}

// The calls in which a service checks a password, or asks other services, are slow although it is not busy. They do not lower its bound:
// while product is away, customers who look at timelines would otherwise keep others from ordering.
func TestCallsThatAreSlowByNatureDoNotLowerTheBound(t *testing.T) {
	t.Parallel()
	slow := map[string]bool{"/auth/register": true, "/auth/login": true, "/auth/password": true, "/auth/registrations/{userId}/timeline": true,
		"/orders/{id}/timeline": true, "/users/me/export": true}
	for _, c := range calls() {
		if c.handle != nil || c.stream || c.options&adminNow != 0 {
			continue
		}
		h, now := newHarness(t), time.Now()
		bound := h.gateway.callBounds[c.app]
		bound.now = func() time.Time { return now }
		h.sidecar.respondWith(func(w http.ResponseWriter, _ *http.Request) {
			now = now.Add(slowCall + 1)
			_ = rest.JSON(w, http.StatusOK, nil)
		})
		h.send(c.method, prefix+strings.NewReplacer("{id}", orderID, "{userId}", account).Replace(c.path), "",
			"Authorization", bearer(t, token.Customer, token.Staff, token.Admin))
		if _, after := bound.state(); (after == 100) != slow[c.path] {
			t.Errorf("%s %s: got the bound %v after a slow answer, want it lowered from 100: %v", c.method, c.path, after, !slow[c.path])
		}
	}
}

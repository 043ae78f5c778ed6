package main

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
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

// A service that answers slowly gets fewer calls. When it is fast again it gets more, up to the highest bound.
func TestTheBoundFollowsTheService(t *testing.T) {
	t.Parallel()
	b, now := newCallBound(100), time.Now()
	b.now = func() time.Time { return now }
	round := func(calls int, took time.Duration, measured bool) (shed int) {
		var begun []time.Time
		for range calls {
			if at, err := b.begin(); err == nil {
				begun = append(begun, at)
			} else if fault.Is(err, fault.KindUnavailable) {
				shed++
			}
		}
		now = now.Add(took)
		for _, at := range begun {
			b.end(at, measured)
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

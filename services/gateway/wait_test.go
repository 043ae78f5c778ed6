package main

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

// Requests beyond the limits of waiting are answered at once, as if they had not asked to wait. One client cannot take the places of
// others, and its place is free again when its request ends.
func TestWaitsAreBounded(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	h := newHarness(t, func(c *config) { c.Waits, c.WaitsPerClient = 3, 2 })
	h.gateway.registerMetrics(registry)
	arrived, release := make(chan struct{}), make(chan struct{})
	var waiting atomic.Int32
	h.sidecar.respondWith(func(w http.ResponseWriter, r *http.Request) {
		if prefer := r.Header.Get("Prefer"); prefer != "" {
			w.Header().Set("Preference-Applied", prefer) // as the services do
			if waiting.Add(1) <= 3 {                     // a further one is an error, which must not block the test
				arrived <- struct{}{}
				<-release
			}
		}
		_ = rest.JSON(w, http.StatusOK, nil)
	})
	registration, order := prefix+"/auth/registrations/"+orderID, prefix+"/orders/"+orderID
	customer := bearer(t, token.Customer)
	answered := make(chan response)
	begin := func(path string, headers ...string) {
		go func() { answered <- h.send("GET", path, "", append(headers, "Prefer", "wait=9")...) }()
		<-arrived
	}
	atOnce := func(name, path string, headers ...string) {
		t.Helper()
		got := h.send("GET", path, "", append(headers, "Prefer", "wait=9")...)
		if applied := got.Header.Get("Preference-Applied"); got.StatusCode != http.StatusOK || applied != "" {
			t.Errorf("%s: got %d, Preference-Applied %q, want 200 without a wait", name, got.StatusCode, applied)
		}
	}
	begin(order, "Authorization", customer)
	begin(order, "Authorization", customer)
	atOnce("the third wait of an account", order, "Authorization", customer)
	begin(registration) // another client: no account, so its address counts
	atOnce("the fourth wait of all", registration)
	servicetest.WantMetrics(t, registry, "comanda_waits 3", "comanda_waits_refused_total 2")
	close(release)
	for range 3 {
		if got := <-answered; got.Header.Get("Preference-Applied") != "wait=9" {
			t.Errorf("a request that waits: got %d, Preference-Applied %q, want wait=9", got.StatusCode, got.Header.Get("Preference-Applied"))
		}
	}
	servicetest.WantMetrics(t, registry, "comanda_waits 0")
}

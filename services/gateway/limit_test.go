package main

import (
	"fmt"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"comanda/services/internal/fault"
)

func TestLimiterAllowsABurstAndThenTheRate(t *testing.T) {
	now, one, other := time.Now(), netip.MustParsePrefix("192.0.2.1/32"), netip.MustParsePrefix("192.0.2.2/32")
	l := newLimiter(2, 3)
	for range 3 {
		if err := l.admitRequest(one, now); err != nil {
			t.Fatal(err)
		}
	}
	err := l.admitRequest(one, now)
	if !fault.Is(err, fault.KindLimited) || fault.From(err).RetryAfter != 500*time.Millisecond {
		t.Errorf("the fourth request: got %v, want Limited for 500ms", err)
	}
	if err := l.admitRequest(other, now); err != nil {
		t.Errorf("another address: got %v, want it admitted", err)
	}
	if err := l.admitRequest(one, now.Add(500*time.Millisecond)); err != nil {
		t.Errorf("after 500ms: got %v, want it admitted", err)
	}
	if err := newLimiter(0, 0).admitRequest(one, now); err != nil {
		t.Errorf("without a limit: got %v, want it admitted", err)
	}
}

func TestLimiterBoundsItsTable(t *testing.T) {
	l, now := newLimiter(1, 1), time.Now()
	first := netip.MustParsePrefix("10.0.0.0/32")
	_ = l.admitRequest(first, now)
	for i := range maxClients + 100 {
		_ = l.admitRequest(netip.PrefixFrom(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}), 32), now)
		if i%1000 == 0 {
			_ = l.admitRequest(first, now) // seen repeatedly, so it has to stay
		}
	}
	if len(l.clients) != maxClients || l.recent.Len() != maxClients {
		t.Errorf("got %d and %d clients, want %d", len(l.clients), l.recent.Len(), maxClients)
	}
	if l.admitRequest(first, now) == nil {
		t.Error("the busy client was removed from the table")
	}
}

// Registrations have a limit of their own, which leaves logins alone.
func TestTooManyRegistrationsReturn429(t *testing.T) {
	h := newHarness(t, func(c *config) { c.RegisterRate, c.RegisterBurst = 100, 2 })
	for i, want := range []int{200, 200, 429} {
		got := h.send("POST", prefix+"/auth/register", "{}")
		if after, _ := strconv.Atoi(got.Header.Get("Retry-After")); got.StatusCode != want || (want == 429) != (after == 36) {
			t.Errorf("registration %d: got %d, Retry-After %d, want %d, with 36 s for 429", i, got.StatusCode, after, want)
		}
	}
	if got := h.send("POST", prefix+"/auth/login", "{}"); got.StatusCode != 200 {
		t.Errorf("login: got %d, want 200", got.StatusCode)
	}
}

func TestTooManyRequestsReturn429(t *testing.T) {
	h := newHarness(t, func(c *config) { c.Rate, c.Burst, c.LoginRate, c.LoginBurst = 0.1, 5, 0.1, 1 })
	for i, want := range []int{200, 429, 200, 429, 200, 429} { // logins are limited to one, all requests to five
		path, method := "/products", "GET"
		if i < 2 || i == 3 {
			path, method = "/auth/login", "POST"
		}
		got := h.send(method, prefix+path, map[string]string{"POST": "{}"}[method], "X-Forwarded-For", fmt.Sprintf("1.2.3.%d", i))
		if after, _ := strconv.Atoi(got.Header.Get("Retry-After")); got.StatusCode != want || (want == 429) != (after > 0) {
			t.Errorf("request %d: got %d, Retry-After %q, want %d", i, got.StatusCode, got.Header.Get("Retry-After"), want)
		}
	}
	if reached := len(h.sidecar.takeRequests()); reached != 3 {
		t.Errorf("got %d calls of the sidecar, want 3", reached)
	}
}

package main

import (
	"log/slog"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// An operator who forgets to name the proxy learns of it from the log: once in an interval, not for each request.
func TestAnUntrustedProxyIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	now := time.Now()
	warning := proxyWarning{now: func() time.Time { return now }}
	logger := slog.New(slog.NewTextHandler(&log, nil))
	trusted := proxies{netip.MustParsePrefix("10.0.0.0/8")}
	request := func(peer, header string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = peer
		if header != "" {
			r.Header.Set(header, "for=192.0.2.1")
		}
		warning.check(logger, trusted, r)
	}
	warnings := func() int { return strings.Count(log.String(), "TRUSTED_PROXIES") }
	request("192.0.2.7:1", "")
	request("10.1.1.1:1", "X-Forwarded-For")
	if warnings() != 0 {
		t.Errorf("got %s, want no warning without a header, or from a trusted proxy", log.String())
	}
	for range 3 {
		request("192.0.2.7:1", "X-Forwarded-For")
	}
	if warnings() != 1 || !strings.Contains(log.String(), "peer=192.0.2.7 header=X-Forwarded-For") {
		t.Errorf("got %s, want one warning that names the peer and the header", log.String())
	}
	now = now.Add(proxyWarningInterval)
	request("192.0.2.7:1", "Forwarded")
	if warnings() != 2 {
		t.Errorf("after the interval: got %s, want a second warning", log.String())
	}
}

package main

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"comanda/services/internal/fault"
)

// FuzzClientAddress looks for headers with which a client changes its own address.
func FuzzClientAddress(f *testing.F) {
	f.Add("203.0.113.5", `for=203.0.113.5;proto=https`)
	f.Add("1.2.3.4, 203.0.113.5:80", `for="[2001:db8::1]:80", for="_hidden"`)
	f.Add(",,", `for=",";for=";", "`)
	f.Fuzz(func(t *testing.T, listed, forwarded string) {
		trusted := proxies{netip.MustParsePrefix("10.0.0.0/8")}
		request := func(peer, listed, forwarded string) *http.Request {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr, r.Header["X-Forwarded-For"], r.Header["Forwarded"] = peer, []string{listed}, []string{forwarded}
			return r
		}
		if got := trusted.address(request("203.0.113.9:1", listed, forwarded)); got.String() != "203.0.113.9/32" {
			t.Fatalf("%q, %q from a client without a proxy: got %s", listed, forwarded, got)
		}
		// The proxy appends the true address to what the client sent.
		appended := request("10.0.0.1:1", listed+", 203.0.113.9", "")
		appended.Header.Del("Forwarded")
		if got := trusted.address(appended); got.String() != "203.0.113.9/32" {
			t.Fatalf("%q through a proxy: got %s", listed, got)
		}
		if got := trusted.address(request("10.0.0.1:1", listed, forwarded)); !got.IsValid() {
			t.Fatalf("%q, %q through a proxy: got no address", listed, forwarded)
		}
	})
}

// FuzzTarget looks for a path that passes the edge, but that a router on the way could read as another path.
func FuzzTarget(f *testing.F) {
	for _, seed := range []string{"/api/v1/orders", "/api/v1/../x", "/a%2fb", "//a", "/a/", "*", "/a;b", "/docs", "/%61"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		target, err := url.ParseRequestURI(path)
		if err != nil {
			return // net/http refuses it
		}
		r := &http.Request{Method: http.MethodGet, URL: target, RequestURI: path}
		if err := checkTarget(r); err != nil {
			if !fault.Is(err, fault.KindNotFound) && !fault.Is(err, fault.KindLongURI) {
				t.Fatalf("%q: got %v", path, err)
			}
			return
		}
		sent := target.EscapedPath()
		if strings.ContainsAny(sent, "%;\\") || strings.Contains(sent, "//") || strings.Contains(sent, "..") || sent != target.Path {
			t.Fatalf("%q passed", path)
		}
	})
}

// FuzzResume looks for a Last-Event-ID that is neither a version nor refused.
func FuzzResume(f *testing.F) {
	for _, seed := range []string{"", "3", "-1", "+1", "1e3", "99999999999999999999", " 1", "٣"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header["Last-Event-Id"] = []string{sent}
		version, err := resumeAfter(r)
		switch {
		case err != nil && !fault.Is(err, fault.KindMalformed):
			t.Fatalf("%q: got %v, want Malformed", sent, err)
		case version != nil && *version < 0:
			t.Fatalf("%q: got version %d", sent, *version)
		}
	})
}

package main

import (
	"fmt"
	"net/http/httptest"
	"testing"
)

func TestAddressTrustsOnlyProxies(t *testing.T) {
	var trusted proxies
	if err := trusted.UnmarshalText([]byte("10.0.0.0/8, 192.0.2.7,2001:db8:1::/48")); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		proxies           proxies
		remote            string
		listed, forwarded []string
		want              string
	}{
		"the peer":                      {nil, "203.0.113.5:1234", nil, nil, "203.0.113.5/32"},
		"a header without proxies":      {nil, "203.0.113.5:1234", []string{"1.2.3.4"}, nil, "203.0.113.5/32"},
		"a header from a stranger":      {trusted, "203.0.113.5:1234", []string{"1.2.3.4"}, nil, "203.0.113.5/32"},
		"a header from a proxy":         {trusted, "10.1.1.1:80", []string{"203.0.113.5"}, nil, "203.0.113.5/32"},
		"two proxies, and a forged hop": {trusted, "10.1.1.1:80", []string{"1.2.3.4, 203.0.113.5", "192.0.2.7"}, nil, "203.0.113.5/32"},
		"nonsense before a proxy":       {trusted, "10.1.1.1:80", []string{"nonsense"}, nil, "10.1.1.1/32"},
		"a proxy's own request":         {trusted, "10.1.1.1:80", nil, nil, "10.1.1.1/32"},
		"IPv6 by its network":           {nil, "[2001:db8:9:8:1:2:3:4]:80", nil, nil, "2001:db8:9:8::/64"},
		"IPv4 in IPv6":                  {trusted, "[::ffff:10.1.1.1]:80", []string{"::ffff:203.0.113.5"}, nil, "203.0.113.5/32"},
		"an IPv6 proxy":                 {trusted, "[2001:db8:1::9]:80", []string{"203.0.113.5"}, nil, "203.0.113.5/32"},
		"a port, as Azure adds it":      {trusted, "10.1.1.1:80", []string{"203.0.113.7:4711"}, nil, "203.0.113.7/32"},
		"IPv6 with a port":              {trusted, "10.1.1.1:80", []string{"[2001:db8:9:8:1::2]:4711"}, nil, "2001:db8:9:8::/64"},
		"IPv6 in brackets":              {trusted, "10.1.1.1:80", []string{"[2001:db8:9:8:1::2]"}, nil, "2001:db8:9:8::/64"},
		"IPv6 with a zone":              {trusted, "10.1.1.1:80", []string{"fe80::1%eth0"}, nil, "fe80::/64"},
		"a proxy with a port":           {trusted, "10.1.1.1:80", []string{"203.0.113.5:1, 192.0.2.7:2"}, nil, "203.0.113.5/32"},
		"Forwarded":                     {trusted, "10.1.1.1:80", nil, []string{"for=203.0.113.5"}, "203.0.113.5/32"},
		"Forwarded, all parameters":     {trusted, "10.1.1.1:80", nil, []string{`proto=https;For="203.0.113.5:4711";by=10.1.1.1;host="a;for=1.2.3.4,b"`}, "203.0.113.5/32"},
		"Forwarded with IPv6":           {trusted, "10.1.1.1:80", nil, []string{`for="[2001:db8:9:8:1::2]:4711"`}, "2001:db8:9:8::/64"},
		"Forwarded, a forged hop":       {trusted, "10.1.1.1:80", nil, []string{"for=1.2.3.4, for=203.0.113.5", "for=192.0.2.7"}, "203.0.113.5/32"},
		"Forwarded, an unknown hop":     {trusted, "10.1.1.1:80", nil, []string{"for=1.2.3.4, for=unknown"}, "10.1.1.1/32"},
		"Forwarded, an obfuscated hop":  {trusted, "10.1.1.1:80", nil, []string{"for=_hidden"}, "10.1.1.1/32"},
		"Forwarded, an obfuscated port": {trusted, "10.1.1.1:80", nil, []string{`for="203.0.113.5:_web"`}, "203.0.113.5/32"},
		"Forwarded, IPv6 and such":      {trusted, "10.1.1.1:80", nil, []string{`for="[2001:db8:9:8:1::2]:_web"`}, "2001:db8:9:8::/64"},
		"Forwarded, escapes":            {trusted, "10.1.1.1:80", nil, []string{`host="\",for=1.2.3.4";for="203\.0.113.5"`}, "203.0.113.5/32"},
		"Forwarded, a quoted backslash": {trusted, "10.1.1.1:80", nil, []string{`host="\\", for=203.0.113.5`}, "203.0.113.5/32"},
		"Forwarded, an open quote":      {trusted, "10.1.1.1:80", nil, []string{`for=1.2.3.4;x="`, "for=203.0.113.5"}, "10.1.1.1/32"},
		"Forwarded, an escaped end":     {trusted, "10.1.1.1:80", nil, []string{`for=1.2.3.4;x="\", for=203.0.113.5`}, "10.1.1.1/32"},
		"Forwarded, open before IPv6":   {trusted, "10.1.1.1:80", nil, []string{`for=1.2.3.4;x=", for="[2001:db8:9:8:1::2]:4711"`}, "10.1.1.1/32"},
		"Forwarded, empty elements":     {trusted, "10.1.1.1:80", nil, []string{"for=1.2.3.4,,for=203.0.113.5,"}, "203.0.113.5/32"},
		"Forwarded without for":         {trusted, "10.1.1.1:80", nil, []string{"for=1.2.3.4, proto=http"}, "10.1.1.1/32"},
		"Forwarded from a stranger":     {trusted, "203.0.113.5:1234", nil, []string{"for=1.2.3.4"}, "203.0.113.5/32"},
		"both headers agree":            {trusted, "10.1.1.1:80", []string{"203.0.113.5"}, []string{"for=203.0.113.5"}, "203.0.113.5/32"},
		"a forged second header":        {trusted, "10.1.1.1:80", []string{"203.0.113.5"}, []string{"for=1.2.3.4"}, "10.1.1.1/32"},
		"a forged first header":         {trusted, "10.1.1.1:80", []string{"1.2.3.4"}, []string{"for=203.0.113.5"}, "10.1.1.1/32"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tc.remote
		r.Header["X-Forwarded-For"] = tc.listed
		r.Header["Forwarded"] = tc.forwarded
		if got := tc.proxies.address(r); got.String() != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
	if new(proxies).UnmarshalText([]byte("10.0.0.0/8,x")) == nil {
		t.Error("an invalid network was accepted")
	}
}

func TestProxiesAreTrimmed(t *testing.T) {
	var trusted proxies
	if err := trusted.UnmarshalText([]byte(" 10.0.0.0/8 ,\t192.0.2.7, ")); err != nil || fmt.Sprint(trusted) != "[10.0.0.0/8 192.0.2.7/32]" {
		t.Errorf("got %v, %v, want two networks", trusted, err)
	}
	for _, text := range []string{"fe80::1%eth0", "fe80::%eth0/64", "10.0.0.0/33", "10.0.0", "proxy", "10.0.0.1:80", "10.0.0.0/8 10.1.1.1"} {
		if err := new(proxies).UnmarshalText([]byte("192.0.2.7," + text)); err == nil {
			t.Errorf("%q: got no error", text)
		}
	}
}

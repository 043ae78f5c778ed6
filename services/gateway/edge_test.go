package main

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

func TestOnlyListedHeadersPass(t *testing.T) {
	h := newHarness(t)
	authorization := bearer(t, token.Customer)
	h.send("POST", prefix+"/orders", `{"items":[]}`, "Authorization", authorization, "Idempotency-Key", "k-1",
		"Content-Type", "application/json; charset=utf-8",
		"dapr-app-id", "auth", "dapr-api-token", "stolen", "dapr-caller-app-id", "product",
		"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "tracestate", "a=b", "baggage", "a=b",
		"X-Forwarded-For", "1.2.3.4", "X-User-Id", account, "X-Roles", "admin", "Cookie", "a=b", "Prefer", "wait=5",
		"Accept", "text/event-stream", "Accept-Encoding", "gzip", "User-Agent", "curl", "Expect", "", "Connection", "X-User-Id",
		"Host", "auth", "X-Http-Method-Override", "DELETE", rest.ClientHeader, "192.0.2.1/32")
	got := h.sidecar.takeRequests()[0].header
	var names []string
	for name := range got {
		names = append(names, name)
	}
	slices.Sort(names)
	const want = "Accept Authorization Comanda-Client-Address Content-Length Content-Type Dapr-Api-Token Idempotency-Key User-Agent"
	if strings.Join(names, " ") != want {
		t.Errorf("got headers %v, want %s", names, want)
	}
	for name, want := range map[string]string{
		"Authorization": authorization, "Dapr-Api-Token": "dapr-token", "Idempotency-Key": "k-1", "Content-Type": "application/json",
		"Comanda-Client-Address": "127.0.0.1/32", "User-Agent": "comanda-gateway", "Accept": "application/json, application/problem+json",
	} {
		if got.Get(name) != want || len(got.Values(name)) != 1 {
			t.Errorf("%s: got %v, want %s", name, got.Values(name), want)
		}
	}
}

func TestEveryPostHasAnIdempotencyKey(t *testing.T) {
	h := newHarness(t)
	seen := map[string]bool{}
	for range 2 {
		h.send("POST", prefix+"/auth/login", `{}`)
		key := h.sidecar.takeRequests()[0].header.Get("Idempotency-Key")
		if uuid.Validate(key) != nil || seen[key] {
			t.Errorf("got key %q, want a new UUID", key)
		}
		seen[key] = true
	}
	for _, c := range calls() { // also where the key has no use
		path := parameter.ReplaceAllString(c.path, "7b0c1d2e-3f4a-8b5c-9d6e-7f8091a2b3c4")
		for _, key := range []string{"", "é", strings.Repeat("k", 201)} {
			got := h.send(c.method, prefix+path, `{}`, "Idempotency-Key", key, "Authorization", bearer(t, token.Customer, token.Staff, token.Admin))
			calls := h.sidecar.takeRequests()
			asked := slices.ContainsFunc(calls, func(r received) bool { return r.method == "POST" })
			if c.method == "POST" && (got.StatusCode != 400 || asked) {
				t.Errorf("POST %s with the key %.10q: got %d, want 400 and no call", path, key, got.StatusCode)
			}
		}
	}
	h.send("GET", prefix+"/products", "", "Idempotency-Key", "k")
	if got := h.sidecar.takeRequests()[0].header.Get("Idempotency-Key"); got != "" {
		t.Errorf("GET: got key %q, want none", got)
	}
}

func TestPreferWaitPassesNormalised(t *testing.T) {
	h := newHarness(t)
	path := prefix + "/auth/registrations/" + orderID
	for preference, want := range map[string]string{
		"respond-async, wait=3": "wait=3", "wait=60": "wait=30", "wait=1.5": "", "wait=soon": "", "respond-async": "",
	} {
		got := h.send("GET", path, "", "Prefer", preference)
		if passed := h.sidecar.takeRequests()[0].header.Get("Prefer"); got.StatusCode != 200 || passed != want {
			t.Errorf("Prefer %s: got %d, passed on %q, want 200 and %q", preference, got.StatusCode, passed, want)
		}
	}
}

func TestInvalidTokensNeverReachTheSidecar(t *testing.T) {
	h := newHarness(t)
	sign := func(method jwt.SigningMethod, key any, change func(*token.Claims)) string {
		c := token.Claims{Roles: []string{token.Customer, token.Admin}, RegisteredClaims: jwt.RegisteredClaims{Issuer: token.Issuer,
			Audience: jwt.ClaimStrings{token.Audience}, Subject: account, ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Minute))}}
		change(&c)
		text, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + text
	}
	same, key := func(*token.Claims) {}, []byte(secret)
	valid := sign(jwt.SigningMethodHS256, key, same)
	if got := h.send("GET", prefix+"/users/me", "", "Authorization", valid); got.StatusCode != 200 {
		t.Fatalf("a valid token: got %d, want 200", got.StatusCode)
	}
	h.sidecar.takeRequests()
	for name, authorization := range map[string]string{
		"another key": sign(jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), same),
		"alg none":    sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, same),
		"HS512":       sign(jwt.SigningMethodHS512, key, same),
		"expired": sign(jwt.SigningMethodHS256, key,
			func(c *token.Claims) { c.ExpiresAt = jwt.NewNumericDate(time.Now().Add(-time.Second)) }),
		"another issuer":   sign(jwt.SigningMethodHS256, key, func(c *token.Claims) { c.Issuer = "x" }),
		"another audience": sign(jwt.SigningMethodHS256, key, func(c *token.Claims) { c.Audience = jwt.ClaimStrings{"x"} }),
		"Basic":            "Basic " + base64.StdEncoding.EncodeToString([]byte("dapr-app-id:auth")),
	} {
		for _, path := range []string{"/users/me", "/products"} { // a bad token is refused also where no token is needed
			got := h.send("GET", prefix+path, "", "Authorization", authorization)
			if got.StatusCode != 401 || got.Header.Get("WWW-Authenticate") == "" || len(h.sidecar.takeRequests()) != 0 {
				t.Errorf("%s on %s: got %d, want 401 and no call", name, path, got.StatusCode)
			}
		}
	}
}

func TestPathTricksNeverReachTheSidecar(t *testing.T) {
	h := newHarness(t)
	for _, path := range []string{
		"/", "/api", "/api/v1", "/api/v1/", "/api/v1/products/", "/api/v1//products", "//api/v1/products",
		"/api/v1/products/../products",
		"/api/v1/products/..", "/api/v1/./products", "/api/v1/products/%2e%2e/%2e%2e/metadata", "/api/v1/products/..%2f..%2fmetadata",
		"/api/v1/products%2F" + orderID, "/api/v1/products/" + orderID + "%2Fstock", "/api/v1/%70roducts",
		"/api/v1/products/%", "/api/v1/products/%zz",
		"/api/v1/products/%00", "/api/v1/products/" + orderID + "%00", "/api/v1/products\\", "/api/v1/products;x=1",
		"/api/v1/products/" + orderID + ";x",
		"/api/v1/products/{id}", "/api/v1/products/*", "/api/v1/products/http:%2F%2Fexample.com", "/api/v1/products/é",
		"/api/v1/menu", "/api/v2/products",
		"/v1.0/invoke/order/method/orders", "/v1.0/shutdown", "/v1.0/metadata", "/events/order.status.changed",
		"/api/v1/orders/" + orderID + "/history",
		"/api/v1/orders/%2e%2e", "/api/v1/orders/..", // 404, not 401: these paths do not exist
		"/api/v1/products/urn:uuid:" + orderID, "/api/v1/products/" + strings.ReplaceAll(orderID, "-", ""),
		"/api/v1/products/" + orderID + "/", "*", "",
		"http://127.0.0.1:3500/v1.0/metadata", "/API/v1/products", "/api/v1/products#x", "/api/v1/products%3Fx",
		"/api/v1/auth/../../v1.0/invoke/auth/method/accounts",
	} {
		for _, method := range []string{"GET", "POST"} {
			status := h.sendRaw(method + " " + path + " HTTP/1.1\r\nHost: comanda\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
			if reached := h.sidecar.takeRequests(); len(reached) != 0 || status != 404 && status != 400 && status != 405 {
				t.Errorf("%s %s: got %d, calls %v, want 400, 404 or 405 and no call", method, path, status, reached)
			}
		}
	}
	// A request target in absolute form is equivalent to its path.
	const absolute = "GET http://elsewhere/api/v1/products HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n"
	if status := h.sendRaw(absolute); status != 200 {
		t.Errorf("absolute form: got %d, want 200", status)
	}
	if got := h.sidecar.takeRequests()[0].uri; got != "/v1.0/invoke/product/method/products" {
		t.Errorf("absolute form: got call %s", got)
	}
}

func TestOnlyCompleteJSONBodiesPass(t *testing.T) {
	h := newHarness(t)
	customer := bearer(t, token.Customer)
	for name, tc := range map[string]struct {
		body, contentType string
		want              int
	}{
		"JSON":         {`{"a":"é"}`, "application/json", 200},
		"at the limit": {`"` + strings.Repeat("x", rest.DefaultBody-2) + `"`, "application/json", 200},
		"too large":    {`"` + strings.Repeat("x", rest.DefaultBody-1) + `"`, "application/json", 413},
		"a form":       {"a=b", "application/x-www-form-urlencoded", 415},
		"no type":      {`{}`, "", 415},
		"malformed":    {`{`, "application/json", 400},
		"not UTF-8":    {"\"\xff\"", "application/json", 400},
		"none":         {"", "", 200}, // the service decides whether a body is required
		"NDJSON":       {"{}\n{}", "application/json", 400},
		"smuggled GET": {"{}GET /x HTTP/1.1\r\n\r\n", "application/json", 400},
	} {
		got := h.send("POST", prefix+"/orders/"+orderID+"/cancel", tc.body, "Authorization", customer, "Content-Type", tc.contentType)
		reached := h.sidecar.takeRequests()
		if got.StatusCode != tc.want || (len(reached) == 1) != (tc.want == 200) {
			t.Errorf("%s: got %d %.200s, %d calls, want %d", name, got.StatusCode, got.text, len(reached), tc.want)
		}
		if len(reached) == 1 && reached[0].body != tc.body {
			t.Errorf("%s: the service got body %.200q, want %.200q", name, reached[0].body, tc.body)
		}
	}
	for method, want := range map[string]int{"GET": 400, "DELETE": 400, "PUT": 405, "TRACE": 405} { // the address has no PUT
		if got := h.send(method, prefix+"/users/me", `{}`, "Authorization", customer); got.StatusCode != want ||
			len(h.sidecar.takeRequests()) != 0 {
			t.Errorf("%s with a body: got %d, want %d and no call", method, got.StatusCode, want)
		}
	}
	got := h.send("PUT", prefix+"/products", `{}`)
	if got.StatusCode != 405 || got.Header.Get("Allow") != "GET, HEAD, OPTIONS, POST" {
		t.Errorf("PUT: got %d, Allow %q, want 405, GET and POST", got.StatusCode, got.Header.Get("Allow"))
	}
}

func TestEveryResponseHasSecurityHeaders(t *testing.T) {
	h := newHarness(t)
	for _, path := range []string{"/api/v1/products", "/nowhere", "/problems", "/api/v1/orders"} {
		got := h.send("GET", path, "")
		for _, name := range []string{"X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "Cache-Control"} {
			if len(got.Header.Values(name)) != 1 {
				t.Errorf("%s: got %s %v, want one value", path, name, got.Header.Values(name))
			}
		}
	}
}

func TestCORSIsOffUnlessConfigured(t *testing.T) {
	preflight := []string{"Origin", "https://app.example", "Access-Control-Request-Method", "POST"}
	off := newHarness(t)
	if got := off.send("OPTIONS", "/api/v1/orders", "", preflight...); got.StatusCode != 204 ||
		got.Header.Get("Access-Control-Allow-Origin") != "" || got.Header.Get("Allow") != "GET, HEAD, OPTIONS, POST" {
		t.Errorf("not configured: got %d %v, want a plain OPTIONS", got.StatusCode, got.Header)
	}
	on := newHarness(t, func(c *config) { c.Origins = []string{"https://app.example"} })
	if got := on.send("OPTIONS", "/api/v1/orders", "", preflight...); got.StatusCode != 204 ||
		got.Header.Get("Access-Control-Allow-Origin") != "https://app.example" {
		t.Errorf("configured origin: got %d %v, want 204 and the origin allowed", got.StatusCode, got.Header)
	}
	got := on.send("GET", "/api/v1/products", "", "Origin", "https://evil.example")
	if got.Header.Get("Vary") != "Origin, Authorization" ||
		got.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: got %v, want it not allowed", got.Header)
	}
}

func TestProblemTypesAreDocumented(t *testing.T) {
	h := newHarness(t)
	for _, kind := range rest.ProblemTypes() {
		if got := h.send("GET", kind.Type, ""); got.StatusCode != 200 || !strings.Contains(got.text, kind.Meaning) {
			t.Errorf("%s: got %d %s, want 200 and its meaning", kind.Type, got.StatusCode, got.text)
		}
	}
	if got := h.send("GET", "/problems/none", ""); got.StatusCode != 404 {
		t.Errorf("an unknown type: got %d, want 404", got.StatusCode)
	}
}

// TestPlainPath tests the first of two layers of path validation. The second one requires ids to be UUIDs.
func TestPlainPath(t *testing.T) {
	for path, want := range map[string]bool{
		"/api/v1/products": true, "/api/v1/orders/" + orderID + "/events": true, "/problems/not-found": true,
		"": false, "/": false, "/a/": false, "/a//b": false, "/../a": false, "/a/..": false, "/a.b": false,
		"/%61": false, "/a%2Fb": false,
		"/a;b": false, "/a b": false, "/a\n": false, "/{id}": false, "/é": false, `/a\b`: false, "a": false, "/a:b": false, "/@": false,
	} {
		if plainPath.MatchString(path) != want {
			t.Errorf("%q: got %t, want %t", path, !want, want)
		}
	}
}

package main

import (
	"net/http"
	"strings"
	"testing"

	"comanda/services/internal/token"
)

// The callers in publicAPI: role names, or one of these.
const (
	anyone    = "anyone"
	tokenless = "anyone, a bad token too"
)

// publicAPI repeats the public API independently of calls(), to catch a mistake in that table. The Tracking tests cover the
// stream.
var publicAPI = []struct{ method, path, app, who string }{
	{"POST", "/auth/register", "auth", tokenless},
	{"GET", "/auth/registrations/" + orderID, "auth", tokenless},
	{"GET", "/auth/registrations/" + orderID + "/timeline", "auth", "admin"},
	{"POST", "/auth/login", "auth", tokenless},
	{"POST", "/auth/refresh", "auth", tokenless},
	{"POST", "/auth/logout", "auth", tokenless},
	{"POST", "/auth/password", "auth", "customer"},
	{"POST", "/auth/logout-everywhere", "auth", "customer"},
	{"POST", "/auth/accounts/search", "auth", "admin"},
	{"GET", "/auth/accounts/" + orderID, "auth", "admin"},
	{"PUT", "/auth/accounts/" + orderID + "/status", "auth", "admin"},
	{"GET", "/auth/erasures/" + orderID, "auth", tokenless},
	{"GET", "/auth/accounts/" + orderID + "/roles", "auth", "admin"},
	{"PUT", "/auth/accounts/" + orderID + "/roles", "auth", "admin"},
	{"GET", "/audit/auth", "auth", "admin"},
	{"GET", "/audit/user", "user", "admin"},
	{"GET", "/audit/order", "order", "admin"},
	{"GET", "/audit/product", "product", "admin"},
	{"GET", "/users/me", "user", "customer"},
	{"PATCH", "/users/me", "user", "customer"},
	{"DELETE", "/users/me", "auth", "customer"},
	{"GET", "/users/me/export", "user", "customer"},
	{"GET", "/users", "user", "admin"},
	{"GET", "/users/" + orderID, "user", "admin"},
	{"PUT", "/users/" + orderID + "/phone-verification", "user", "staff admin"},
	{"DELETE", "/users/" + orderID + "/phone-verification", "user", "staff admin"},
	{"GET", "/products", "product", anyone},
	{"GET", "/products/" + orderID, "product", anyone},
	{"POST", "/products", "product", "admin"},
	{"PATCH", "/products/" + orderID, "product", "admin"},
	{"POST", "/products/" + orderID + "/stock", "product", "staff admin"},
	{"POST", "/orders", "order", "customer"},
	{"GET", "/orders", "order", "customer staff"},
	{"GET", "/orders/" + orderID, "order", "customer staff admin"},
	{"GET", "/orders/" + orderID + "/timeline", "order", "customer staff admin"},
	{"POST", "/orders/" + orderID + "/cancel", "order", "customer staff admin"},
	{"POST", "/orders/" + orderID + "/status", "order", "staff"},
}

func TestEveryCallReachesItsServiceForAllowedRolesOnly(t *testing.T) {
	h := newHarness(t)
	all := []string{token.Customer, token.Staff, token.Admin}
	for _, tc := range publicAPI {
		body := ""
		if tc.method != "GET" && tc.method != "DELETE" {
			body = `{"a":1}`
		}
		guarded := tc.who == "admin" && tc.method == "GET" && tc.app != "auth" // TestAdminsReadPersonalDataOnlyAsLongAsTheyAreAdmins
		expect := func(who, authorization string, allowed bool, refused int) {
			t.Helper()
			got := h.send(tc.method, prefix+tc.path, body, "Authorization", authorization)
			reached := h.sidecar.takeRequests()
			if !allowed {
				if got.StatusCode != refused || len(reached) != 0 {
					t.Errorf("%s %s for %s: got %d, calls %v, want %d and no call", tc.method, tc.path, who, got.StatusCode, reached, refused)
				}
				return
			}
			if guarded {
				reached = reached[min(1, len(reached)):]
			}
			if got.StatusCode != 200 || len(reached) != 1 {
				t.Errorf("%s %s for %s: got %d %s, want 200", tc.method, tc.path, who, got.StatusCode, got.text)
				return
			}
			if r := reached[0]; r.method != tc.method || r.uri != "/v1.0/invoke/"+tc.app+"/method"+tc.path || r.body != body {
				t.Errorf("%s %s for %s: got call %s %s %s", tc.method, tc.path, who, r.method, r.uri, r.body)
			}
		}
		expect("no token", "", strings.HasPrefix(tc.who, anyone), http.StatusUnauthorized)
		expect("a token without roles", bearer(t), strings.HasPrefix(tc.who, anyone), http.StatusForbidden)
		for _, role := range all {
			expect(role, bearer(t, role), strings.HasPrefix(tc.who, anyone) || strings.Contains(tc.who, role), http.StatusForbidden)
		}
		expect("a bad token", "Bearer nonsense", tc.who == tokenless, http.StatusUnauthorized)
		if !strings.HasPrefix(tc.path, "/users/me") && strings.Contains(tc.path, orderID) { // an id that is not a UUID
			bad := h.send(tc.method, prefix+strings.Replace(tc.path, orderID, "7", 1), body, "Authorization", bearer(t, all...))
			if reached := h.sidecar.takeRequests(); bad.StatusCode != 404 || len(reached) != 0 && !guarded || len(reached) > 1 {
				t.Errorf("%s %s with a bad id: got %d, want 404 and no call", tc.method, tc.path, bad.StatusCode)
			}
		}
	}
	const others = 6 // the stream, and the calls about dead letters (TestDeadLettersAreForAdmins)
	if got := len(calls()); got != len(publicAPI)+others {
		t.Errorf("got %d calls, want %d: those of this test, the stream and the dead letters", got, len(publicAPI)+others)
	}
}

func TestOnlyKnownQueryParametersPass(t *testing.T) {
	h := newHarness(t)
	for _, tc := range []struct{ path, want string }{
		{"/products?query=p%C3%A2t%C3%A9%26x%3D1&category=a+b&limit=5&cursor=abc",
			"/products?category=a+b&cursor=abc&limit=5&query=p%C3%A2t%C3%A9%26x%3D1"},
		{"/products?limit=&query=", "/products"}, // empty fields of a form
		{"/products?query=%23%2F..%2F%3F", "/products?query=%23%2F..%2F%3F"},
		{"/products/" + strings.ToUpper(orderID), "/products/" + orderID},
	} {
		got := h.send("GET", prefix+tc.path, "")
		reached := h.sidecar.takeRequests()
		if got.StatusCode != 200 || len(reached) != 1 || reached[0].uri != "/v1.0/invoke/product/method"+tc.want {
			t.Errorf("%s: got %d, calls %v, want %s", tc.path, got.StatusCode, reached, tc.want)
		}
	}
	for _, bad := range []string{"?limit=%zz", "?query=a;b=c", "?query=%ff", "?query=a%00", "?query=a%0d%0ab",
		"?query=" + strings.Repeat("x", maxParameter+1), "?state=x", "?limit=1&limit=2", "?metadata.x=1", "?dapr-app-id=auth", "?access_token=x",
		"/" + orderID + "?limit=1"} {
		if got := h.send("GET", prefix+"/products"+bad, ""); got.StatusCode != 400 || len(h.sidecar.takeRequests()) != 0 {
			t.Errorf("%s: got %d, want 400 and no call", bad, got.StatusCode)
		}
	}
}

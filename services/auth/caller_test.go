package main

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"comanda/services/internal/fault"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

// sample returns a request to a route, with an account in its path and a body that is right for it.
func sample(method, path, id string) (target, body string) {
	target = strings.ReplaceAll(path, "{userId}", id)
	switch {
	case path == "/auth/accounts/search":
		body = `{"email":"dora@example.com"}`
	case strings.HasSuffix(path, "/roles") && method == "PUT":
		body = `{"roles":["customer","admin"]}`
	case strings.HasSuffix(path, "/status"):
		body = `{"status":"SUSPENDED"}`
	}
	return target, body
}

// Every route for admins first reads the account of its caller. The test covers routes that are added later.
func TestAnAdminWhoLostTheRoleActsNoMore(t *testing.T) {
	h := newHarness(t)
	boss, customer := h.registerAdmin(t, "boss@example.com"), h.caller(t, h.registerActive(t, "cleo@example.com"))
	demoted, suspended, changed := h.registerAdmin(t, "dora@example.com"), h.registerAdmin(t, "sam@example.com"), h.registerAdmin(t, "eve@example.com")
	if code := h.setRolesOf(t, boss, demoted.ID, `"staff"`); code != 200 {
		t.Fatalf("demote: got %d", code)
	}
	if code := h.setStatusOf(t, boss, suspended.ID, "SUSPENDED"); code != 200 {
		t.Fatalf("suspend: got %d", code)
	}
	if code := h.setRolesOf(t, boss, changed.ID, `"staff","admin"`); code != 200 { // still an admin, but the token is older than the change
		t.Fatalf("change: got %d", code)
	}
	gone := servicetest.Person{ID: uuid.NewString(), Roles: []string{token.Admin}, Epoch: 1}
	guarded := 0
	for _, route := range h.routes() {
		target, body := sample(route.Method, route.Path, demoted.ID)
		asCustomer := h.Request(t, customer, route.Method, target, body)
		if asCustomer.Code != 403 || !strings.Contains(asCustomer.Header.Get("WWW-Authenticate"), string(fault.InsufficientScope)) {
			continue // not a route for admins
		}
		guarded++
		for name, tc := range map[string]struct {
			caller servicetest.Person
			code   int
		}{"demoted": {demoted, 403}, "suspended": {suspended, 403}, "an old token": {changed, 401}, "no account": {gone, 401}} {
			if got := h.Request(t, tc.caller, route.Method, target, body); got.Code != tc.code {
				t.Errorf("%s %s by an admin, %s: got %d %s, want %d", route.Method, route.Path, name, got.Code, got.Body, tc.code)
			}
		}
	}
	if guarded != len(h.adminRoutes()) || guarded < 5 {
		t.Errorf("got %d guarded routes, want %d", guarded, len(h.adminRoutes()))
	}
	for _, route := range h.adminRoutes() { // after all refusals, the boss may still act
		target, body := sample(route.Method, route.Path, demoted.ID)
		if got := h.Request(t, boss, route.Method, target, body); got.Code != 200 {
			t.Errorf("%s %s by the admin: got %d %s, want 200", route.Method, route.Path, got.Code, got.Body)
		}
	}
}

// The tokens of a login and of a refresh carry the session and the epoch, which readCaller compares with the account.
func TestTokensCarryTheirSessionAndEpoch(t *testing.T) {
	h := newHarness(t)
	boss := h.registerAdmin(t, "boss@example.com")
	got, _ := h.logIn(t, "boss@example.com", password)
	again, _ := h.refresh(t, got.RefreshToken, "")
	for _, access := range []string{got.AccessToken, again.AccessToken} {
		claims, err := token.NewVerifier(servicetest.Secret).Bearer("Bearer " + access)
		if err != nil || claims.Epoch != 1 || uuid.Validate(claims.Session) != nil {
			t.Errorf("got claims %+v, %v, want epoch 1 and a session", claims, err)
		}
		read := h.Request(t, anonymous, "GET", "/auth/accounts/"+boss.ID, "", "Authorization", "Bearer "+access)
		if read.Code != 200 || read.Text("status") != "ACTIVE" || read.Members["version"] != 2.0 {
			t.Errorf("own account: got %d %s, want 200 and version 2", read.Code, read.Body)
		}
	}
}

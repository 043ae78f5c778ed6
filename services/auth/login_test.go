package main

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

func TestLogin(t *testing.T) {
	h := newHarness(t)
	waiting := h.registerPending(t, "ana@example.com")
	if _, code := h.logIn(t, "ana@example.com", password); code != 403 {
		t.Errorf("PENDING account: got %d, want 403", code)
	}
	if _, code := h.logIn(t, "ana@example.com", "wrong secret"); code != 401 {
		t.Errorf("PENDING account, wrong password: got %d, want 401", code)
	}
	h.deliverOutcome(t, waiting, event.UserRejected, event.ReasonPhoneTaken)
	if _, code := h.logIn(t, "ana@example.com", password); code != 403 {
		t.Errorf("REJECTED account: got %d, want 403", code)
	}
	id := h.registerActive(t, "ana@example.com")
	got, code := h.logIn(t, "  ANA@example.com", password)
	claims, err := token.NewVerifier(servicetest.Secret).Bearer("Bearer " + got.AccessToken)
	if code != 200 || err != nil || claims.Subject != id || !claims.Any(token.Customer) || got.TokenType != "Bearer" ||
		got.ExpiresIn != 300 {
		t.Errorf("ACTIVE account: got %d, %+v, token error %v", code, got, err)
	}
	for name, pair := range map[string][2]string{
		"wrong password":     {"ana@example.com", "wrong secret"},
		"unknown e-mail":     {"eva@example.com", password},
		"no e-mail":          {"ana", password},
		"NUL in the e-mail":  {"ana\u0001@example.com", password},
		"too long to be one": {"ana@example.com", strings.Repeat("x", 100)},
	} {
		if _, code := h.logIn(t, pair[0], pair[1]); code != 401 {
			t.Errorf("%s: got %d, want 401", name, code)
		}
	}
	if code := h.Request(t, anonymous, "POST", "/auth/login", `{}`).Code; code != 422 {
		t.Errorf("empty body: got %d, want 422", code)
	}
}

// TestLoginDoesNotTruncatePasswords: bcrypt compares only 72 bytes, so a longer password must not match its first 72 bytes.
func TestLoginDoesNotTruncatePasswords(t *testing.T) {
	h := newHarness(t)
	longest := longPassword
	begun := servicetest.Decode[registrationState](t, h.register(t, "ana@example.com", longest), 202)
	h.deliverOutcome(t, begun.UserID, event.UserCreated, "")
	if _, code := h.logIn(t, "ana@example.com", longest); code != 200 {
		t.Errorf("the registered password: got %d, want 200", code)
	}
	if _, code := h.logIn(t, "ana@example.com", longest+"y"); code != 401 {
		t.Errorf("a longer password: got %d, want 401", code)
	}
}

// TestLoginAndRefreshIgnoreAccessTokens: a client with an expired access token must be able to get a new one.
func TestLoginAndRefreshIgnoreAccessTokens(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	login := h.Request(t, anonymous, "POST", "/auth/login", loginBody("ana@example.com"), "Authorization", "Bearer expired")
	got := servicetest.Decode[tokens](t, login, 200)
	refreshed := h.Request(t, anonymous, "POST", "/auth/refresh", `{"refreshToken":"`+got.RefreshToken+`"}`,
		"Authorization", "Bearer expired")
	if refreshed.Code != 200 {
		t.Fatalf("refresh: got %d, want 200", refreshed.Code)
	}
}

func loginBody(email string) string {
	return fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)
}

// The response time must not reveal whether an account exists. The memory that a check takes shows that it did the same work, and
// unlike the time it does not depend on other programs.
func TestPasswordCheckDoesTheSameWorkForUnknownAccounts(t *testing.T) {
	p := newPasswords(standardCost, newWorkQueue(1, 1, maxWait))
	hash, one := p.cost.hash(password), uint64(standardCost.memory)<<10
	for name, tc := range map[string]struct{ hash, password string }{
		"right password": {hash, password}, "wrong password": {hash, "wrong secret"}, "unknown account": {"", "wrong secret"},
		"too long": {hash, strings.Repeat("x", 100)}, "unknown kind of hash": {"$argon2id$", "wrong secret"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p.hashMatches(tc.hash, tc.password)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got < one || got > one*3/2 {
			t.Errorf("%s: took %d bytes, want about %d", name, got, one)
		}
	}
}

func TestRegistrationResponseHasOnlyIDAndStatus(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	if got := h.Request(t, anonymous, "GET", "/auth/registrations/"+id, ""); got.Code != 200 || len(got.Members) != 2 {
		t.Errorf("got %d %s, want 200 with two members", got.Code, got.Body)
	}
}

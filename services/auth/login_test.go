package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

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
		got.ExpiresIn != 900 {
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

// TestPasswordCheckTakesAsLongForUnknownAccounts: the response time must not reveal whether an account exists.
func TestPasswordCheckTakesAsLongForUnknownAccounts(t *testing.T) {
	p, err := newPasswords(8) // slow enough to measure
	if err != nil {
		t.Fatal(err)
	}
	hash, err := p.hash(password)
	if err != nil {
		t.Fatal(err)
	}
	fastest := func(hash, password string) time.Duration { // of five runs, because other programs share the machine
		least := time.Hour
		for range 5 {
			begin := time.Now()
			p.matches(hash, password)
			least = min(least, time.Since(begin))
		}
		return least
	}
	known := fastest(hash, "wrong secret")
	for name, got := range map[string]time.Duration{
		"unknown account": fastest("", "wrong secret"), "too long": fastest(hash, strings.Repeat("x", 100)),
	} {
		if got < known/4 {
			t.Errorf("%s: took %v, a known account took %v", name, got, known)
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

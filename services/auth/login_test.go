package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"comanda/services/event"
	"comanda/services/internal/token"
)

func TestLogin(t *testing.T) {
	h := newHarness(t)
	waiting := h.registerPending(t, "ana@example.com")
	if _, code := h.logIn(t, "ana@example.com", password); code != 403 {
		t.Errorf("PENDING: %d", code)
	}
	if _, code := h.logIn(t, "ana@example.com", "wrong secret"); code != 401 {
		t.Errorf("PENDING and wrong: %d", code)
	}
	h.deliverOutcome(t, waiting, event.UserRejected, event.ReasonPhoneTaken)
	if _, code := h.logIn(t, "ana@example.com", password); code != 403 {
		t.Errorf("REJECTED: %d", code)
	}
	id := h.registerActive(t, "ana@example.com")
	got, code := h.logIn(t, "  ANA@example.com", password)
	claims, err := token.NewVerifier(secret).Bearer("Bearer " + got.AccessToken)
	if code != 200 || err != nil || claims.Subject != id || !claims.Any(token.Customer) || got.TokenType != "Bearer" || got.ExpiresIn != 900 {
		t.Errorf("%d %+v, %v", code, got, err)
	}
	for name, pair := range map[string][2]string{
		"wrong password":     {"ana@example.com", "wrong secret"},
		"unknown e-mail":     {"eva@example.com", password},
		"no e-mail":          {"ana", password},
		"NUL in the e-mail":  {"ana\u0001@example.com", password},
		"too long to be one": {"ana@example.com", strings.Repeat("x", 100)},
	} {
		if _, code := h.logIn(t, pair[0], pair[1]); code != 401 {
			t.Errorf("%s: %d", name, code)
		}
	}
	if code := h.call(t, "POST", "/auth/login", `{}`, nil); code != 422 {
		t.Errorf("nothing: %d", code)
	}
}

// bcrypt looks at 72 bytes alone: what is longer must not be taken for its beginning.
func TestLoginDoesNotCutPasswords(t *testing.T) {
	h := newHarness(t)
	longest := strings.Repeat("x", maxPassword)
	var begun registrationState
	if code := h.call(t, "POST", "/auth/register", registrationBody("ana@example.com", longest), &begun); code != 202 {
		t.Fatal(code)
	}
	h.deliverOutcome(t, begun.UserID, event.UserCreated, "")
	if _, code := h.logIn(t, "ana@example.com", longest); code != 200 {
		t.Errorf("the password: %d", code)
	}
	if _, code := h.logIn(t, "ana@example.com", longest+"y"); code != 401 {
		t.Errorf("a longer one: %d", code)
	}
}

// An expired access token at hand must not keep anybody from getting a new one.
func TestLoginAndRefreshLookAtNoToken(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	var got tokens
	if code := h.call(t, "POST", "/auth/login", loginBody("ana@example.com"), &got, "Authorization", "Bearer expired"); code != 200 {
		t.Fatalf("login: %d", code)
	}
	if code := h.call(t, "POST", "/auth/refresh", `{"refreshToken":"`+got.RefreshToken+`"}`, nil, "Authorization", "Bearer expired"); code != 200 {
		t.Fatalf("refresh: %d", code)
	}
}

func loginBody(email string) string {
	return fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)
}

func TestPasswordsAreAsSlowForNobody(t *testing.T) {
	p, err := newPasswords(8) // slow enough to be measured
	if err != nil {
		t.Fatal(err)
	}
	hash, err := p.hash(password)
	if err != nil {
		t.Fatal(err)
	}
	work := func(hash, password string) time.Duration { // the least of some: the machine has other things to do
		least := time.Hour
		for range 5 {
			begin := time.Now()
			p.matches(hash, password)
			least = min(least, time.Since(begin))
		}
		return least
	}
	known := work(hash, "wrong secret")
	for name, got := range map[string]time.Duration{"nobody": work("", "wrong secret"), "too long": work(hash, strings.Repeat("x", 100))} {
		if got < known/4 {
			t.Errorf("%s: %v, a known one %v", name, got, known)
		}
	}
}

func TestAccountsAreNeverShownWhole(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	var got map[string]any
	h.call(t, "GET", "/auth/registrations/"+id, "", &got)
	raw, err := json.Marshal(got)
	if err != nil || len(got) != 2 {
		t.Errorf("%s, %v", raw, err)
	}
}

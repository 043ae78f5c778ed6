package main

import (
	"testing"

	"golang.org/x/crypto/bcrypt"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// One person on two keyboards: one sends composed characters, the other one decomposed characters or other spaces.
func TestAPasswordIsTheSameFromEveryKeyboard(t *testing.T) {
	h := newHarness(t)
	begun := servicetest.Decode[registrationState](t, h.register(t, "ana@example.com", "contrase\u00f1a de Ana"), 202)
	h.deliverOutcome(t, begun.UserID, event.UserCreated, "")
	for typed, want := range map[string]int{
		"contrase\u00f1a de Ana": 200, "contrasen\u0303a de Ana": 200, "contrase\u00f1a\u00a0de\u3000Ana": 200,
		"contrasena de Ana": 401, "Contrase\u00f1a de Ana": 401, "contrase\u00f1a de Ana ": 401,
		"contrase\u00f1a de\u200b Ana": 401,
	} {
		if _, code := h.logIn(t, "ana@example.com", typed); code != want {
			t.Errorf("%+q: got %d, want %d", typed, code, want)
		}
	}
}

func TestAnEmailIsTheSameInEverySpelling(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "jos\u00e9@m\u00fcnchen.de")
	for _, same := range []string{"jose\u0301@m\u00fcnchen.de", "JOSE\u0301@MU\u0308NCHEN.DE", "jos\u00e9@xn--mnchen-3ya.de", "ｊｏｓ\u00e9＠m\u00fcnchen。de"} {
		if code := h.register(t, same, password).Code; code != 409 {
			t.Errorf("register %+q: got %d, want 409", same, code)
		}
		if _, code := h.logIn(t, same, password); code != 200 {
			t.Errorf("log in as %+q: got %d, want 200", same, code)
		}
	}
}

// Accounts that were registered under the rules before validate.Email and passwordrule keep their owners.
func TestEarlierAccountsStillLogIn(t *testing.T) {
	h := newHarness(t)
	for _, earlier := range []struct{ email, password string }{
		{"ana@my_host.com", "12345678"}, {"eva@m\u00fcnchen.de", "contrasen\u0303a"},
		{"jose\u0301@example.es", "\u2764\ufe0f \u2764\ufe0f"},
	} {
		hash, err := bcrypt.GenerateFromPassword([]byte(earlier.password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		id := h.registerActive(t, "someone@example.com")
		_, err = h.documents.Change(t.Context(), id, func(a *Account) (event.Message, error) {
			a.Email, a.PasswordHash = earlier.email, string(hash)
			return event.NoMessage, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, code := h.logIn(t, earlier.email, earlier.password); code != 200 {
			t.Errorf("%+q: got %d, want 200", earlier.email, code)
		}
		if _, code := h.logIn(t, earlier.email, earlier.password+"!"); code != 401 {
			t.Errorf("%+q with a wrong password: got %d, want 401", earlier.email, code)
		}
	}
	if code := h.register(t, "eva@m\u00fcnchen.de", password).Code; code != 409 {
		t.Errorf("an e-mail stored in its earlier form: got %d, want 409", code)
	}
}

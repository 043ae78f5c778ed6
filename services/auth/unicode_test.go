package main

import (
	"net/http"
	"slices"
	"testing"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// Two forms of the same text, as keyboards produce them.
const (
	composed   = "jos\u00e9@example.es"
	decomposed = "JOSE\u0301@example.es"
)

func TestOneEmailIsOneAccount(t *testing.T) {
	h := newHarness(t)
	for _, forms := range [][]string{
		{composed, decomposed},
		{"ΟΔΟΣ@example.gr", "οδος@example.gr"},
		{"ana@BÜCHER.example", "Ana@xn--bcher-kva.example", "ana@bu\u0308cher.example"},
		{"ａｎａ＠example.com", "\ufeffana@example.com\u200b"},
	} {
		begun := servicetest.Decode[registrationState](t, h.register(t, forms[0], password), http.StatusAccepted)
		for _, form := range forms {
			if code := h.register(t, form, password).Code; code != http.StatusConflict {
				t.Errorf("%+q registered again: got %d, want 409", form, code)
			}
		}
		h.deliverOutcome(t, begun.UserID, event.UserCreated, "")
		for _, form := range forms {
			if _, code := h.logIn(t, form, password); code != http.StatusOK {
				t.Errorf("login as %+q: got %d, want 200", form, code)
			}
		}
	}
	for _, email := range []string{`"ana"@example.com`, "\u3164@example.com", "a\u200bna@example.com"} {
		if got := h.register(t, email, password); got.Code != http.StatusUnprocessableEntity || got.Fields() != "email" {
			t.Errorf("%q: got %d %s, want 422 for email", email, got.Code, got.Body)
		}
	}
}

// setStored changes a member of a stored account to a value that only earlier versions wrote.
func (h harness) setStored(t *testing.T, id, member, value string) {
	t.Helper()
	_, err := h.pool.Exec(t.Context(), `update state
		set value = convert_to(jsonb_set(convert_from(value, 'UTF8')::jsonb, array[$2], to_jsonb($3::text))::text, 'UTF8')
		where key = 'account-' || $1`, id, member, value)
	if err != nil {
		t.Fatal(err)
	}
}

func TestAccountsOfBeforeTheCanonicalFormKeepTheirLogin(t *testing.T) {
	h := newHarness(t)
	for i, tc := range []struct{ stored, typed string }{
		{"jose\u0301@example.es", composed}, {"jose\u0301@example.fr", "JOSE\u0301@example.fr"},
		{"ana@bücher.example", "ana@BÜCHER.example"},
		{"ana@bu\u0308cher.test", "ana@xn--bcher-kva.test"}, {"😀@example.com", "😀@Example.com"},
		{"ana@my_host.example", "ana@my_host.example"},
	} {
		id := h.registerActive(t, []string{"a@e.es", "b@e.es", "c@e.es", "d@e.es", "e@e.es", "f@e.es"}[i])
		h.setStored(t, id, "email", tc.stored)
		if _, code := h.logIn(t, tc.typed, password); code != http.StatusOK {
			t.Errorf("stored as %+q, login as %+q: got %d, want 200", tc.stored, tc.typed, code)
		}
		if code := h.register(t, tc.typed, password).Code; code != http.StatusConflict && code != http.StatusUnprocessableEntity {
			t.Errorf("stored as %+q, registered again as %+q: got %d, want 409 or 422", tc.stored, tc.typed, code)
		}
	}
}

func TestOnePasswordInAllItsFormsLogsIn(t *testing.T) {
	h := newHarness(t)
	forms := []string{"ma\u00f1ana ser\u00e1 otro", "man\u0303ana sera\u0301 otro", "ma\u00f1ana\u00a0ser\u00e1\u3000otro"}
	for i, registered := range forms {
		email := []string{"ana@example.com", "eva@example.com", "leo@example.com"}[i]
		begun := servicetest.Decode[registrationState](t, h.register(t, email, registered, "Idempotency-Key", "k"),
			http.StatusAccepted)
		for _, typed := range forms {
			if again := h.register(t, email, typed, "Idempotency-Key", "k"); again.Text("userId") != begun.UserID {
				t.Errorf("the same registration with %+q: got %d %s, want 202", typed, again.Code, again.Body)
			}
		}
		h.deliverOutcome(t, begun.UserID, event.UserCreated, "")
		for _, typed := range forms {
			if _, code := h.logIn(t, email, typed); code != http.StatusOK {
				t.Errorf("registered as %+q, login with %+q: got %d, want 200", registered, typed, code)
			}
		}
		if _, code := h.logIn(t, email, "manana sera otro"); code != http.StatusUnauthorized {
			t.Errorf("without accents: got %d, want 401", code)
		}
	}
}

func TestHalfASurrogatePairIsNoPassword(t *testing.T) {
	h := newHarness(t)
	body := `{"email":"ana@example.com","name":"Ana","password":"a good secret \ud83d"}`
	if got := h.Request(t, anonymous, "POST", "/auth/register", body); got.Code != http.StatusBadRequest {
		t.Errorf("registration: got %d %s, want 400", got.Code, got.Body)
	}
	if got := h.Request(t, anonymous, "POST", "/auth/login", body); got.Code != http.StatusBadRequest {
		t.Errorf("login: got %d %s, want 400", got.Code, got.Body)
	}
}

func TestWeakPasswordsAre422(t *testing.T) {
	h := newHarness(t)
	for _, weak := range []string{"12345678", "password", "        ", "ana@example.com", "aaaaaaaa", "a\u200bgood secret",
		"a\x01good secret"} {
		got := h.register(t, "ana@example.com", weak)
		if got.Code != http.StatusUnprocessableEntity || got.Fields() != "password" {
			t.Errorf("%q: got %d %s, want 422 for password", weak, got.Code, got.Body)
		}
	}
}

// TestStoredPasswordsKeepWorking: earlier versions accepted weak passwords, and hashed them as they were typed.
func TestStoredPasswordsKeepWorking(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	for _, stored := range []string{"password", "        ", "man\u0303ana", "a\u00a0b\u3000c d", "a\u200bsecret",
		"❤\ufe0f❤\ufe0f"} {
		h.setStored(t, id, "passwordHash", fastCost.hash(stored))
		if _, code := h.logIn(t, "ana@example.com", stored); code != http.StatusOK {
			t.Errorf("%+q: got %d, want 200", stored, code)
		}
		if _, code := h.logIn(t, "ana@example.com", stored+"x"); code != http.StatusUnauthorized {
			t.Errorf("%+q and a letter: got %d, want 401", stored, code)
		}
	}
}

func TestStoredFormsOfAnEmailAreFew(t *testing.T) {
	for email, want := range map[string][]string{
		"ana@example.com":           {"ana@example.com"},
		"οδοσ@example.gr":           {"οδοσ@example.gr", "οδος@example.gr"},
		composed:                    {composed, "jose\u0301@example.es"},
		"ana@xn--bcher-kva.example": {"ana@xn--bcher-kva.example", "ana@bücher.example", "ana@bu\u0308cher.example"},
		"jos\u00e9@xn--bcher-kva.com": {"jos\u00e9@xn--bcher-kva.com", "jos\u00e9@b\u00fccher.com",
			"jose\u0301@xn--bcher-kva.com", "jose\u0301@bu\u0308cher.com"},
	} {
		if got := storedEmails(email); !slices.Equal(got, want) {
			t.Errorf("%s: got %+q, want %+q", email, got, want)
		}
	}
}

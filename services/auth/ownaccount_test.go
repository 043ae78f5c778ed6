package main

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
)

const newPassword = "another fine secret"

// post sends a POST of an account's owner with an access token.
func (h harness) post(t *testing.T, access, path, body string, headers ...string) servicetest.Response {
	t.Helper()
	return h.Request(t, anonymous, "POST", path, body, append(headers, "Authorization", "Bearer "+access)...)
}

func (h harness) changePasswordOf(t *testing.T, access, current, next string, headers ...string) servicetest.Response {
	t.Helper()
	return h.post(t, access, "/auth/password", fmt.Sprintf(`{"currentPassword":%q,"newPassword":%q}`, current, next), headers...)
}

func TestANewPasswordEndsTheOtherSessions(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	mine, _ := h.logIn(t, "ana@example.com", password)
	other, _ := h.logIn(t, "ana@example.com", password)
	for range 2 { // the second request is a repetition of the first
		if got := h.changePasswordOf(t, mine.AccessToken, password, newPassword, "Idempotency-Key", "k"); got.Code != 204 {
			t.Fatalf("change: got %d %s, want 204", got.Code, got.Body)
		}
	}
	if got := h.changePasswordOf(t, mine.AccessToken, password, "yet another secret", "Idempotency-Key", "k"); got.Code != 422 || got.Fields() != "Idempotency-Key" {
		t.Errorf("the same key, another password: got %d %s, want 422", got.Code, got.Body)
	}
	if _, code := h.refresh(t, other.RefreshToken, ""); code != 401 {
		t.Errorf("another session: got %d, want 401", code)
	}
	if got := h.changePasswordOf(t, other.AccessToken, newPassword, password); got.Code != 401 {
		t.Errorf("another session's access token: got %d, want 401", got.Code)
	}
	next, code := h.refresh(t, mine.RefreshToken, "")
	if code != 200 {
		t.Fatalf("the session in use: got %d, want 200", code)
	}
	if _, code := h.logIn(t, "ana@example.com", password); code != 401 {
		t.Errorf("the old password: got %d, want 401", code)
	}
	if _, code := h.logIn(t, "ana@example.com", newPassword); code != 200 {
		t.Errorf("the new password: got %d, want 200", code)
	}
	if got := h.changePasswordOf(t, next.AccessToken, newPassword, password); got.Code != 204 {
		t.Errorf("change it again: got %d %s, want 204", got.Code, got.Body)
	}
	if _, code := h.refresh(t, next.RefreshToken, ""); code != 200 {
		t.Errorf("the session in use, again: got %d, want 200", code)
	}
}

// A change of the password keeps one session. That session ends with the next change of the roles.
func TestAKeptSessionEndsWithTheNextEpoch(t *testing.T) {
	h := newHarness(t)
	boss, id := h.registerAdmin(t, "boss@example.com"), h.registerActive(t, "ana@example.com")
	mine, _ := h.logIn(t, "ana@example.com", password)
	if got := h.changePasswordOf(t, mine.AccessToken, password, newPassword); got.Code != 204 {
		t.Fatalf("change: got %d %s", got.Code, got.Body)
	}
	if code := h.setRolesOf(t, boss, id, `"staff"`); code != 200 {
		t.Fatalf("roles: got %d", code)
	}
	if _, code := h.refresh(t, mine.RefreshToken, ""); code != 401 {
		t.Errorf("refresh: got %d, want 401", code)
	}
}

// A session that a change of the roles has ended cannot revive itself by changing the password with its access token.
func TestAnEndedSessionCannotChangeThePassword(t *testing.T) {
	h := newHarness(t)
	boss, id := h.registerAdmin(t, "boss@example.com"), h.registerActive(t, "ana@example.com")
	got, _ := h.logIn(t, "ana@example.com", password)
	if code := h.setRolesOf(t, boss, id, `"staff"`); code != 200 {
		t.Fatalf("roles: got %d", code)
	}
	if got := h.changePasswordOf(t, got.AccessToken, password, newPassword); got.Code != 401 {
		t.Errorf("change: got %d %s, want 401", got.Code, got.Body)
	}
	if _, code := h.refresh(t, got.RefreshToken, ""); code != 401 {
		t.Errorf("refresh: got %d, want 401", code)
	}
}

func TestAWrongPasswordChangeNamesTheField(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	mine, _ := h.logIn(t, "ana@example.com", password)
	for _, tc := range []struct{ current, next, fields string }{
		{"", "", "currentPassword newPassword"},
		{"not my password", newPassword, "currentPassword"},
		{password, "short", "newPassword"},
		{password, "password1", "newPassword"},
		{password, "ana@example.com", "newPassword"},
		{password, password, "newPassword"},
	} {
		if got := h.changePasswordOf(t, mine.AccessToken, tc.current, tc.next); got.Code != 422 || got.Fields() != tc.fields {
			t.Errorf("%q to %q: got %d %s, want 422 for %s", tc.current, tc.next, got.Code, got.Body, tc.fields)
		}
	}
	if got := h.Request(t, anonymous, "POST", "/auth/password", `{}`); got.Code != 401 {
		t.Errorf("without a token: got %d, want 401", got.Code)
	}
}

// A stolen access token is no way to guess the password.
func TestWrongCurrentPasswordsCountAsLogins(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	mine, _ := h.logIn(t, "ana@example.com", password)
	codes := map[int]int{}
	for i := range 20 {
		codes[h.changePasswordOf(t, mine.AccessToken, fmt.Sprint("guess number ", i), newPassword, rest.ClientHeader, "192.0.2.1/32").Code]++
	}
	if codes[422] != perAddress.free+1 || codes[429] != 20-codes[422] {
		t.Errorf("got %v, want %d answers and then 429", codes, perAddress.free+1)
	}
	if got := h.logInFrom(t, "192.0.2.1/32", "ana@example.com", password); got.Code != 429 {
		t.Errorf("login from the same address: got %d, want 429", got.Code)
	}
}

func TestAPasswordChangeSurvivesALostAnswer(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	mine, _ := h.logIn(t, "ana@example.com", password)
	h.sidecar.LoseNextAnswer()
	if got := h.changePasswordOf(t, mine.AccessToken, password, newPassword); got.Code != 204 {
		t.Errorf("got %d %s, want 204", got.Code, got.Body)
	}
	if _, code := h.logIn(t, "ana@example.com", newPassword); code != 200 {
		t.Errorf("the new password: got %d, want 200", code)
	}
}

// Of two simultaneous changes that both know the current password, one fails.
func TestTwoPasswordChangesDoNotOverwriteEachOther(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	mine, _ := h.logIn(t, "ana@example.com", password)
	h.sidecar.BeforeNextWrite(func() {
		if got := h.changePasswordOf(t, mine.AccessToken, password, "yet another secret"); got.Code != 204 {
			t.Errorf("the faster change: got %d %s, want 204", got.Code, got.Body)
		}
	})
	if got := h.changePasswordOf(t, mine.AccessToken, password, newPassword); got.Code != 409 {
		t.Errorf("got %d %s, want 409", got.Code, got.Body)
	}
}

func TestLogOutEverywhereEndsAllSessions(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	mine, _ := h.logIn(t, "ana@example.com", password)
	other, _ := h.logIn(t, "ana@example.com", password)
	for range 2 { // the second request is a repetition of the first
		if got := h.post(t, mine.AccessToken, "/auth/logout-everywhere", "", "Idempotency-Key", "k"); got.Code != 204 {
			t.Fatalf("got %d %s, want 204", got.Code, got.Body)
		}
	}
	for _, refresh := range []string{mine.RefreshToken, other.RefreshToken} {
		if _, code := h.refresh(t, refresh, ""); code != 401 {
			t.Errorf("refresh: got %d, want 401", code)
		}
	}
	if got := h.post(t, mine.AccessToken, "/auth/logout-everywhere", `{"but":"here"}`); got.Code != 422 {
		t.Errorf("an unknown member: got %d, want 422", got.Code)
	}
	later, _ := h.logIn(t, "ana@example.com", password)
	if got := h.post(t, mine.AccessToken, "/auth/logout-everywhere", "", "Idempotency-Key", "k"); got.Code != 204 {
		t.Errorf("a late repetition: got %d %s, want 204", got.Code, got.Body)
	}
	if got := h.post(t, mine.AccessToken, "/auth/logout-everywhere", "", "Idempotency-Key", "another"); got.Code != 401 {
		t.Errorf("the token of an ended session: got %d %s, want 401", got.Code, got.Body)
	}
	if _, code := h.refresh(t, later.RefreshToken, ""); code != 200 {
		t.Errorf("a later login: got %d, want 200", code)
	}
	gone := servicetest.Person{ID: uuid.NewString(), Roles: []string{"customer"}}
	if got := h.Request(t, gone, "POST", "/auth/logout-everywhere", ""); got.Code != 401 {
		t.Errorf("an account that does not exist: got %d, want 401", got.Code)
	}
}

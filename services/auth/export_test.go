package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

func TestExportHasTheAccountAndItsSessions(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	h.logIn(t, "ana@example.com", password)
	h.registerActive(t, "eva@example.com")
	h.logIn(t, "eva@example.com", password)
	got := servicetest.Decode[struct {
		Account  exportedAccount
		Sessions []exportedSession
	}](t, h.Request(t, h.loggedIn(t, id), "GET", "/export/account", "", servicetest.CalledBy("user")...), http.StatusOK)
	if got.Account.ID != id || got.Account.Email != "ana@example.com" || got.Account.Status != Active || len(got.Account.Roles) != 1 {
		t.Errorf("got account %+v, want that of ana", got.Account)
	}
	if len(got.Sessions) != 1 || !got.Sessions[0].ExpiresAt.Equal(h.clock.Now().Add(refreshTTL)) {
		t.Errorf("got sessions %+v, want one", got.Sessions)
	}
	raw, err := json.Marshal(got)
	if err != nil || strings.Contains(strings.ToLower(string(raw)), "hash") {
		t.Errorf("got %s, %v, want no hash", raw, err)
	}
}

// A change of the password keeps the session in use, whose epoch is the one before. The other sessions have ended.
func TestExportHasTheKeptSession(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	mine, _ := h.logIn(t, "ana@example.com", password)
	h.logIn(t, "ana@example.com", password)
	if got := h.changePasswordOf(t, mine.AccessToken, password, newPassword); got.Code != http.StatusNoContent {
		t.Fatalf("change: got %d %s, want 204", got.Code, got.Body)
	}
	claims, err := token.NewVerifier(servicetest.Secret).Bearer("Bearer " + mine.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	got := servicetest.Decode[struct{ Sessions []exportedSession }](t,
		h.Request(t, h.loggedIn(t, id), "GET", "/export/account", "", servicetest.CalledBy("user")...), http.StatusOK)
	if len(got.Sessions) != 1 || got.Sessions[0].ID != claims.Session {
		t.Errorf("got sessions %+v, want only %s", got.Sessions, claims.Session)
	}
}

package main

import (
	"testing"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
)

// User asks for the standings of accounts.
func TestStandingsOfAccounts(t *testing.T) {
	h := newHarness(t)
	active, rejected := h.registerActive(t, "ana@example.com"), h.registerPending(t, "eva@example.com")
	h.deliverOutcome(t, rejected, event.UserRejected, "phone_taken")
	path := "/reconciliation/accounts?id=" + active + "&id=" + rejected + "&id=" + uuid.NewString()
	if got := h.Request(t, h.registerAdmin(t, "boss@example.com"), "GET", path, ""); got.Code != 403 {
		t.Errorf("an admin: got %d, want 403", got.Code)
	}
	type list struct{ Items []recovery.Standing }
	got := servicetest.Decode[list](t, h.Request(t, anonymous, "GET", path, "", "Dapr-Caller-App-Id", "user"), 200)
	standings := map[recovery.Standing]bool{}
	for _, standing := range got.Items {
		standings[standing] = true
	}
	if len(got.Items) != 2 || !standings[recovery.Standing{ID: active, Status: "ACTIVE"}] ||
		!standings[recovery.Standing{ID: rejected, Status: "REJECTED", Reason: "phone_taken"}] {
		t.Errorf("got %+v, want ACTIVE and REJECTED, and nothing about an unknown account", got.Items)
	}
}

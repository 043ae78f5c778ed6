package main

import (
	"testing"
	"time"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// Rejected accounts are deleted after the retention, and no others.
func TestOldRejectedAccountsAreDeleted(t *testing.T) {
	h := newHarness(t)
	active, pending, rejected := h.registerActive(t, "ana@example.com"), h.registerPending(t, "eva@example.com"), h.registerPending(t, "leo@example.com")
	h.deliverOutcome(t, rejected, event.UserRejected, "phone_taken")
	const retention = 90 * 24 * time.Hour
	servicetest.Age(t, h.pool, retention-time.Minute)
	for _, want := range []int64{0, 1, 0} {
		if deleted, err := h.deleteRejected(t.Context(), retention); err != nil || deleted != want {
			t.Errorf("got %d deleted, %v, want %d", deleted, err, want)
		}
		servicetest.Age(t, h.pool, time.Minute)
	}
	for id, want := range map[string]int{active: 200, pending: 200, rejected: 404} {
		if got := h.Request(t, anonymous, "GET", "/auth/registrations/"+id, ""); got.Code != want {
			t.Errorf("got %d %s, want %d", got.Code, got.Body, want)
		}
	}
}

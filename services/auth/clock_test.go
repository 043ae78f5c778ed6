package main

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// The clock of a service may be stepped, by a day forward or back. Only the database's clock gives a registration up.
func TestSteppedClockGivesNoRegistrationUp(t *testing.T) {
	h := newHarness(t)
	id := h.registerPending(t, uuid.NewString()+"@example.com")
	before := len(h.sidecar.All())
	for _, step := range []time.Duration{24 * time.Hour, -48 * time.Hour} {
		h.clock.Advance(step)
		h.runRecovery(t)
	}
	if got := h.registration(t, id); got.Status != Pending || len(h.sidecar.All()) != before {
		t.Errorf("got %+v and %d more events, want it PENDING and none", got, len(h.sidecar.All())-before)
	}
	if got := servicetest.Deliver(t, h.API, event.CreatingUserResponse,
		event.UserOutcome{UserID: id, Version: 1, Outcome: event.UserCreated}); got != "SUCCESS" {
		t.Errorf("got %s, want SUCCESS", got)
	}
	if got := h.registration(t, id); got.Status != Active {
		t.Errorf("got %+v, want ACTIVE", got)
	}
}

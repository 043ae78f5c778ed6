package main

import (
	"testing"
	"time"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// Tombstones of rejected and cancelled registrations are deleted after the retention. Those of erased people stay for ever.
func TestOldTombstonesAreDeleted(t *testing.T) {
	h := newHarness(t)
	active, cancelled, erased := profileRequest(""), profileRequest(""), profileRequest("")
	for _, request := range []event.UserToCreate{active, cancelled, erased} {
		h.deliverRequest(t, request)
	}
	h.deliverCancellation(t, cancelled.UserID)
	erasure := event.Received[event.UserToErase]{Data: event.UserToErase{UserID: erased.UserID, Version: 1}}
	if err := h.eraseProfile(t.Context(), erasure); err != nil {
		t.Fatal(err)
	}
	const retention = 90 * 24 * time.Hour
	servicetest.Age(t, h.pool, retention-time.Minute)
	for _, want := range []int64{0, 1, 0} {
		if deleted, err := h.deleteTombstones(t.Context(), retention); err != nil || deleted != want {
			t.Errorf("got %d deleted, %v, want %d", deleted, err, want)
		}
		servicetest.Age(t, h.pool, time.Minute)
	}
	for id, want := range map[string]bool{active.UserID: true, cancelled.UserID: false, erased.UserID: true} {
		if _, err := h.documents.Get(t.Context(), id); (err == nil) != want {
			t.Errorf("got %v, want the document there: %t", err, want)
		}
	}
}

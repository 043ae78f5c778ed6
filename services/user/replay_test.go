package main

import (
	"testing"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/servicetest"
)

// A dead letter may be replayed long after later events of its account were handled. No profile comes back, and its phone number stays
// free.
func TestReplayOfAnOldEventIsHarmless(t *testing.T) {
	h := newHarness(t)
	table := consumer.Table{Keys: servicetest.EventKeys, Routes: h.subscriptions()}
	for name, end := range map[string]func(id string){
		"CANCELLED": func(id string) { h.deliverCancellation(t, id) }, "ERASED": func(id string) { h.deliverErasure(t, id) },
	} {
		old := profileRequest("+34600111222")
		end(old.UserID)
		records := map[string][]byte{
			event.CreatingUser.Name: servicetest.Record(t, "auth", event.CreatingUser, old.UserID, old),
			event.CreatingUserCancelled.Name: servicetest.Record(t, "auth", event.CreatingUserCancelled, old.UserID,
				event.UserCancelled{UserID: old.UserID, Version: 2, Reason: "timed_out"}),
		}
		if name == "ERASED" {
			records[event.DeletingUser.Name] = servicetest.Record(t, "auth", event.DeletingUser, old.UserID, event.UserToErase{UserID: old.UserID, Version: 3})
		}
		for range 2 {
			for topic, record := range records {
				if err := table.Replay(t.Context(), topic, record); err != nil {
					t.Errorf("%s: %s: %v", name, topic, err)
				}
			}
		}
		profile, err := h.documents.Get(t.Context(), old.UserID)
		if err != nil || string(profile.Status) != name || profile.Phone != "" {
			t.Errorf("got %+v, %v, want a tombstone that is %s", profile, err, name)
		}
		if got := h.outcomes(t, old.UserID); got != "" {
			t.Errorf("%s: got the outcomes %q, want none", name, got)
		}
	}
	next := profileRequest("+34600111222")
	h.deliverRequest(t, next)
	if got := h.outcomes(t, next.UserID); got != "created" {
		t.Errorf("another profile with the phone number: got %q, want created", got)
	}
}

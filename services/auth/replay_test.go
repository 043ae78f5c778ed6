package main

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/servicetest"
)

// A dead letter may be replayed long after later events of its account were handled. The decision stands, an erased account stays erased,
// and a profile that user created too late is cancelled.
func TestReplayOfAnOldEventIsHarmless(t *testing.T) {
	h := newHarness(t)
	table := consumer.Table{Keys: servicetest.EventKeys, Routes: h.subscriptions()}
	replay := func(topic string, record []byte) {
		t.Helper()
		for range 2 {
			if err := table.Replay(t.Context(), topic, record); err != nil {
				t.Errorf("%s: %v", topic, err)
			}
		}
	}
	created := func(id string) []byte {
		return servicetest.Record(t, "user", event.CreatingUserResponse, id, event.UserOutcome{UserID: id, Version: 1, Outcome: event.UserCreated})
	}
	late, erased := h.registerPending(t, uuid.NewString()+"@example.com"), h.registerActive(t, uuid.NewString()+"@example.com")
	h.later(t, recoveryTiming.GiveUp+time.Second)
	h.runRecovery(t)
	replay(event.CreatingUserResponse.Name, created(late))
	if got := h.registration(t, late); got.Status != Rejected || got.Reason != "timed_out" {
		t.Errorf("got %+v, want that the account stays given up", got)
	}
	if got := len(servicetest.Events(t, h.sidecar, "accounts", event.CreatingUserCancelled)); got != 3 {
		t.Errorf("got %d cancellations, want 3: that of giving up, and one for each late profile", got)
	}
	h.clock.Advance(-recoveryTiming.GiveUp - time.Second) // the token of the login must be young
	h.beginErasureOf(t, erased)
	answer := func(service string) []byte {
		return servicetest.Record(t, service, event.DeletingUserResponse, erased,
			event.UserErasure{UserID: erased, Version: 3, Service: service, Outcome: event.UserErased})
	}
	for _, service := range []string{"order", "user", "order"} {
		replay(event.DeletingUserResponse.Name, answer(service))
	}
	replay(event.CreatingUserResponse.Name, created(erased))
	if got := h.erasure(t, erased); got.Status != Erased {
		t.Errorf("got %+v, want that the account stays ERASED", got)
	}
}

package main

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// A registration, its cancellation and the erasure of its account may each be delivered several times, late and in any order, and the
// handlers may crash between any two steps. Once an erasure is handled nothing about the person is left, and nothing brings it back.
func TestErasuresInAnySequenceLeaveNoPerson(t *testing.T) {
	h := newHarness(t)
	servicetest.CheckProperty(t, func(r *rapid.T) {
		request := profileRequest("+34600999888")
		events := slices.Repeat([]string{"erase"}, rapid.IntRange(1, 3).Draw(r, "times erased"))
		events = append(events, slices.Repeat([]string{"create"}, rapid.IntRange(0, 3).Draw(r, "times created"))...)
		events = append(events, slices.Repeat([]string{"cancel"}, rapid.IntRange(0, 2).Draw(r, "times cancelled"))...)
		events = rapid.Permutation(events).Draw(r, "order of events")
		erased := false
		for n := 0; len(events) > 0; n++ {
			if n == servicetest.MaxDeliveries {
				r.Fatalf("the last %d events are retried without end", len(events))
			}
			next := events[0]
			events = events[1:]
			again := h.sidecar.Interrupt(servicetest.Interruptions().Draw(r, "interruption"))
			result := h.deliver(t, next, request)
			if result != "SUCCESS" && result != "RETRY" {
				r.Fatalf("%s: got %s, want SUCCESS or RETRY", next, result)
			}
			if again(result) {
				events = append(events, next)
			}
			if erased = erased || next == "erase" && result == "SUCCESS"; erased {
				h.checkErased(t, r, request.UserID)
			}
		}
		if answers := h.erasures(t, request.UserID); answers == 0 {
			r.Fatalf("the erasure was never answered")
		}
	})
}

// deliver delivers one of the events about an account.
func (h harness) deliver(t *testing.T, name string, request event.UserToCreate) string {
	t.Helper()
	switch name {
	case "create":
		return servicetest.Deliver(t, h.API, event.CreatingUser, request)
	case "cancel":
		return servicetest.Deliver(t, h.API, event.CreatingUserCancelled, event.UserCancelled{UserID: request.UserID, Version: 2, Reason: "timed_out"})
	}
	return servicetest.Deliver(t, h.API, event.DeletingUser, event.UserToErase{UserID: request.UserID, Version: 3})
}

func (h harness) checkErased(t *testing.T, r *rapid.T, id string) {
	var kept string
	if err := h.pool.QueryRow(t.Context(), `select convert_from(value, 'UTF8') from state where key = $1`, "profile-"+id).Scan(&kept); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(kept, `"ERASED"`) {
		r.Fatalf("got %s, want the tombstone of an erased profile", kept)
	}
	for _, personal := range []string{"600999888", "example.com", "Ana"} {
		if strings.Contains(kept, personal) {
			r.Fatalf("the tombstone contains %q: %s", personal, kept)
		}
	}
}

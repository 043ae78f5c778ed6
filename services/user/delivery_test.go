package main

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// A registration and its cancellation may each be delivered several times, late, and in any sequence. Their handlers may crash between
// any two steps. There is at most one profile, every answer is the same, and a cancelled registration leaves no profile.
func TestRegistrationsInAnySequenceAreDecidedOnce(t *testing.T) {
	h := newHarness(t)
	servicetest.CheckProperty(t, func(r *rapid.T) {
		request, cancelled := profileRequest(""), rapid.Bool().Draw(r, "cancelled")
		events := slices.Repeat([]string{"create"}, rapid.IntRange(1, 3).Draw(r, "times created"))
		if cancelled {
			events = append(events, slices.Repeat([]string{"cancel"}, rapid.IntRange(1, 3).Draw(r, "times cancelled"))...)
		}
		events = rapid.Permutation(events).Draw(r, "order of events")
		for n := 0; len(events) > 0; n++ {
			if n == servicetest.MaxDeliveries {
				r.Fatalf("the last %d events are retried without end", len(events))
			}
			next := events[0]
			events = events[1:]
			again := h.sidecar.Interrupt(servicetest.Interruptions().Draw(r, "interruption"))
			var result string
			if next == "create" {
				result = servicetest.Deliver(t, h.API, event.CreatingUser, request)
			} else {
				result = servicetest.Deliver(t, h.API, event.CreatingUserCancelled, event.UserCancelled{UserID: request.UserID, Version: 2, Reason: "timed_out"})
			}
			if result != "SUCCESS" && result != "RETRY" {
				r.Fatalf("%s: got %s, want SUCCESS or RETRY", next, result)
			}
			if again(result) {
				events = append(events, next)
			}
		}
		profile := h.Request(t, customer(request.UserID), "GET", "/users/me", "")
		want := map[bool]int{false: 200, true: 404}[cancelled]
		// No answer is other than created, and without a cancellation there is at least one.
		if answers := h.outcomes(t, request.UserID); profile.Code != want || strings.ReplaceAll(", "+answers, ", created", "") != "" && answers != "" || !cancelled && answers == "" {
			r.Fatalf("got %d for the profile, want %d; answers: %q", profile.Code, want, answers)
		}
	})
}

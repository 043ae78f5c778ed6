package main

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// timedOut is the state of an account that was given up.
const timedOut = "REJECTED timed_out"

// User's outcome may be delivered several times, late, and before or after the account is given up. Its handler may crash between any two
// steps. The first decision stands. Each "created" that comes too late is answered with a cancellation, so that no profile stays.
func TestOutcomesInAnySequenceDecideAnAccountOnce(t *testing.T) {
	h := newHarness(t)
	servicetest.CheckProperty(t, func(r *rapid.T) {
		id, created := h.registerPending(t, uuid.NewString()+"@example.com"), rapid.Bool().Draw(r, "created")
		outcome := event.UserOutcome{UserID: id, Version: 1, Outcome: event.UserCreated}
		if !created {
			outcome.Outcome, outcome.Reason = event.UserRejected, event.ReasonPhoneTaken
		}
		decided, late := "", 0 // the decision that must stand; the deliveries after giving up
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"outcome", "give up"}), 1, 5).Draw(r, "steps")
		steps = append(steps, "outcome")
		for n := 0; len(steps) > 0; n++ {
			if n == servicetest.MaxDeliveries {
				r.Fatalf("the outcome is retried without end")
			}
			next := steps[0]
			steps = steps[1:]
			if next == "give up" {
				h.later(t, recoveryTiming.GiveUp+time.Second)
				h.runRecovery(t)
				if decided == "" {
					decided = timedOut
				}
				continue
			}
			again := h.sidecar.Interrupt(servicetest.Interruptions().Draw(r, "interruption"))
			result := servicetest.Deliver(t, h.API, event.CreatingUserResponse, outcome)
			if result != "SUCCESS" && result != "RETRY" {
				r.Fatalf("the outcome: got %s, want SUCCESS or RETRY", result)
			}
			if result == "SUCCESS" && decided == timedOut && created {
				late++
			} else if result == "SUCCESS" && decided == "" {
				decided = map[bool]string{true: "ACTIVE ", false: "REJECTED " + event.ReasonPhoneTaken}[created]
			}
			if again(result) {
				steps = append(steps, "outcome")
			}
		}
		h.checkDecision(t, r, id, decided, late)
	})
}

// checkDecision checks the account's state, and that late profiles are cancelled.
func (h harness) checkDecision(t *testing.T, r *rapid.T, id, decided string, late int) {
	cancellations := 0
	for _, e := range servicetest.Events(t, h.sidecar, "accounts", event.CreatingUserCancelled) {
		if e.UserID == id {
			cancellations++
		}
	}
	now := h.registration(t, id)
	if got := string(now.Status) + " " + now.Reason; got != decided || cancellations < late {
		r.Fatalf("got %s and %d cancellations, want %s and at least %d", got, cancellations, decided, late)
	}
}

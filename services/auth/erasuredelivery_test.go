package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"comanda/services/event"
	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
)

// The answers of the services user and order to deleting.user may be delivered several times, late and in any sequence, between repeated
// requests of the recovery and late outcomes of the registration, and their handler may crash between any two steps. The account is ERASED
// exactly when both have answered, and stays so.
func TestErasureAnswersInAnySequenceEraseOnce(t *testing.T) {
	h := newHarness(t)
	servicetest.CheckProperty(t, func(r *rapid.T) {
		id := h.registerActive(t, uuid.NewString()+"@example.com")
		h.beginErasureOf(t, id)
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"user", "order", "recovery", "outcome"}), 0, 6).Draw(r, "steps")
		steps = rapid.Permutation(append(steps, "user", "order")).Draw(r, "order of steps")
		delivered, answered := map[string]bool{}, map[string]bool{}
		for n := 0; len(steps) > 0; n++ {
			if n == servicetest.MaxDeliveries {
				r.Fatalf("the answers are retried without end")
			}
			next := steps[0]
			steps = steps[1:]
			switch next {
			case "recovery":
				servicetest.Age(t, h.pool, time.Hour)
				if err := h.recoverErasures(t.Context(), recovery.Timing{After: time.Minute, GiveUp: time.Hour, Every: time.Second}); err != nil {
					t.Fatal(err)
				}
			case "outcome":
				h.deliverOutcome(t, id, event.UserCreated, "")
			default:
				again := h.sidecar.Interrupt(servicetest.Interruptions().Draw(r, "interruption"))
				result := h.deliverErased(t, id, next)
				if result != "SUCCESS" && result != "RETRY" {
					r.Fatalf("the answer of %s: got %s, want SUCCESS or RETRY", next, result)
				}
				delivered[next], answered[next] = true, answered[next] || result == "SUCCESS"
				if again(result) {
					steps = append(steps, next)
				}
			}
			h.checkErasure(t, r, id, len(delivered), len(answered) == 2 && answered["user"] && answered["order"])
		}
		if got := h.erasure(t, id); got.Status != Erased {
			r.Fatalf("after all answers: got %+v, want ERASED", got)
		}
		h.checkTombstone(t, r, id)
	})
}

// checkErasure checks an account that is being erased, after answers of this number of services were delivered. complete says that the
// answers of both were handled.
func (h harness) checkErasure(t *testing.T, r *rapid.T, id string, delivered int, complete bool) {
	status := h.erasure(t, id).Status
	if status == Erased && delivered < len(holders()) || complete && status != Erased {
		r.Fatalf("got %s after the answers of %d services, complete: %t", status, delivered, complete)
	}
	for _, request := range servicetest.Events(t, h.sidecar, "accounts", event.DeletingUser) {
		if request.UserID == id && request.Version != 3 {
			r.Fatalf("got the request %+v, want version 3 each time", request)
		}
	}
}

// checkTombstone checks that nothing about the person is left, and that the audit trail has the erasure once.
func (h harness) checkTombstone(t *testing.T, r *rapid.T, id string) {
	var kept string
	var sessions, audited int
	if err := h.pool.QueryRow(t.Context(), `select convert_from(value, 'UTF8'), (select count(*) from refresh_families where account = $2),
		(select count(*) from audit where subject = $2 and action = 'account.erased') from state where key = $1`, "account-"+id, id).
		Scan(&kept, &sessions, &audited); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(kept, "@example.com") || sessions != 0 || audited != 1 {
		r.Fatalf("got %d sessions, %d audit entries, want 0 and 1; the tombstone: %s", sessions, audited, kept)
	}
}

package main

import (
	"net/http"
	"time"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/timeline"
	"comanda/services/internal/validate"
)

// The steps of a registration in user.
const (
	stepCreated             = "profile_created"
	stepRejected            = "profile_rejected"
	stepCancelled           = "profile_cancelled"
	stepErased              = "profile_erased"
	stepRequestIgnored      = "request_ignored"      // the request arrived after its cancellation, or after the erasure
	stepCancellationRefused = "cancellation_refused" // the profile is in use; the event is a dead letter
)

// cause is the cause of a step: an event, the replay of one, or the reconciliation.
type cause struct {
	timeline.Cause
	at time.Time // when the event was made; zero for the reconciliation
}

func causeOf[T any](e event.Received[T]) cause { return cause{timeline.CauseOf(e), e.Time} }

// step returns a step of a saga, after which the profile has its current status.
func (p Profile) step(name string, cause cause, at time.Time) timeline.Step {
	return timeline.Step{At: at, Step: name, Status: string(p.Status), Reason: p.Reason,
		Cause: cause.Cause, Actor: timeline.Actor{Role: "user"}, Count: 1}.Since(cause.at)
}

// reconciled returns a step of the reconciliation, which acts when the event that should have caused it was lost.
func (p Profile) reconciled(name string, at time.Time) timeline.Step {
	step := p.step(name, cause{Cause: timeline.Cause{Kind: timeline.Recovery}}, at)
	step.Actor.Role = "recovery"
	return step
}

// decisionStep returns the step that decided the registration.
func (p Profile) decisionStep() string {
	if p.Status == Rejected {
		return stepRejected
	}
	return stepCreated
}

// showSteps returns user's part of a registration's timeline. auth asks for it with the admin's token; the gateway does not serve this
// path.
func (s service) showSteps(w http.ResponseWriter, r *http.Request) error {
	id := rest.Param(r, "userId")
	if !validate.IsUUID(id) {
		return noProfile()
	}
	profile, err := s.documents.Get(r.Context(), id)
	if err != nil && !fault.Is(err, fault.KindNotFound) {
		return err
	}
	repeats, err := s.repeats.Of(r.Context(), id)
	if err != nil {
		return err
	}
	return rest.JSON(w, http.StatusOK, timeline.Part{Steps: timeline.Merge(profile.Steps, repeats)})
}

package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/timeline"
	"comanda/services/internal/validate"
)

// The names of the steps that are no change of status. The other steps have the name of the new status, in lower case.
const (
	stepRegistered     = "registered"
	stepAnnouncedAgain = "announced_again" // the recovery has published creating.user again
	stepCancelledAgain = "cancelled_again" // a profile was created too late, and is cancelled
	stepOutcomeRefused = "outcome_refused" // user's outcome contradicts the account; its event is a dead letter
	stepErasureBegun   = "erasure_begun"
)

var recoveryActor = timeline.Actor{Role: "recovery"}

// timelineResponse lists the steps of one registration, oldest first.
type timelineResponse struct {
	UserID string          `json:"userId"`
	Steps  []timeline.Step `json:"steps"`
	// Missing names the services whose part is missing, because they did not answer.
	Missing []string `json:"missing,omitempty"`
}

// showTimeline returns every step of one registration, or of the erasure that ended its account, to an admin: auth's own, and user's.
func (s service) showTimeline(w http.ResponseWriter, r *http.Request) error {
	id := rest.Param(r, "userId")
	if !validate.IsUUID(id) {
		return noAccount()
	}
	account, err := s.documents.Get(r.Context(), id)
	if fault.Is(err, fault.KindNotFound) {
		return noAccount()
	}
	if err != nil {
		return err
	}
	repeats, err := s.repeats.Of(r.Context(), id)
	if err != nil {
		return err
	}
	user, missing := timeline.Ask(r.Context(), s.log, s.invoker, "user", "/registrations/"+id+"/steps", r.Header.Get("Authorization"))
	return rest.Unversioned(w, r, timelineResponse{id, timeline.Merge(account.Steps, account.Erasure.steps(), repeats, user), missing})
}

// addStep records a step of the registration, after which the account has its current status. caused is the time of its cause, if known.
func (a *Account) addStep(name string, cause timeline.Cause, actor timeline.Actor, at time.Time, caused ...time.Time) {
	step := timeline.Step{At: at, Step: name, Status: string(a.Status), Reason: a.Reason, Cause: cause, Actor: actor}
	for _, begun := range caused {
		step = step.Since(begun)
	}
	a.Steps.Add(step)
}

// outcomeStep returns the name of the step for user's outcome. decided reports whether the outcome decided the registration; otherwise
// it came too late.
func (a Account) outcomeStep(decided bool) string {
	if !decided {
		return stepCancelledAgain
	}
	return strings.ToLower(string(a.registered()))
}

// countRepeat counts a duplicate or a late event of a registration, which changed nothing.
func (s service) countRepeat(ctx context.Context, a Account, name string, cause timeline.Cause) {
	s.repeats.Count(ctx, a.ID, timeline.Step{At: s.now(), Step: name, Status: string(a.Status), Cause: cause})
}

// steps returns the steps of an erasure. The erasure itself deletes the steps of the registration, with all other personal data.
func (e *Erasure) steps() []timeline.Step {
	if e == nil {
		return nil
	}
	begun := timeline.Step{At: e.BegunAt, Step: stepErasureBegun, Status: string(Deleting), Cause: timeline.Cause{Kind: timeline.Request},
		Actor: timeline.Actor{Role: "customer"}, Count: 1}
	if e.CompletedAt.IsZero() {
		return []timeline.Step{begun}
	}
	erased := timeline.Step{At: e.CompletedAt, Step: strings.ToLower(string(Erased)), Status: string(Erased),
		Cause: timeline.Cause{Kind: timeline.Event}, Actor: timeline.Actor{Role: "auth"}, Count: 1}
	return []timeline.Step{begun, erased.Since(e.BegunAt)}
}

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

// The steps that have not the name of a status.
const (
	stepRegistered     = "registered"
	stepAnnouncedAgain = "announced_again" // the recovery has published creating.user again
	stepCancelledAgain = "cancelled_again" // a profile was created too late, and is cancelled
	stepOutcomeRefused = "outcome_refused" // user's outcome contradicts the account; its event is a dead letter
	stepErasureBegun   = "erasure_begun"
)

var recoveryActor = timeline.Actor{Role: "recovery"}

// timelineResponse is what happened to one registration, oldest first.
type timelineResponse struct {
	UserID string          `json:"userId"`
	Steps  []timeline.Step `json:"steps"`
	// Missing names the services whose part is not there, because they do not answer.
	Missing []string `json:"missing,omitempty"`
}

// showTimeline returns every step of one registration to an admin: auth's own, and user's.
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
	user, missing := timeline.Ask(r.Context(), s.log, s.invoke, "user", "/registrations/"+id+"/steps", r.Header.Get("Authorization"))
	return rest.JSON(w, http.StatusOK, timelineResponse{id, timeline.Merge(account.Steps, account.Erasure.steps(), repeats, user), missing})
}

// addStep records a step of the registration after which the account has its current status.
func (a *Account) addStep(name string, cause timeline.Cause, actor timeline.Actor, at time.Time, caused ...time.Time) {
	step := timeline.Step{At: at, Step: name, Status: string(a.Status), Reason: a.Reason, Cause: cause, Actor: actor}
	for _, time := range caused {
		step = step.Since(time)
	}
	a.Steps.Add(step)
}

// outcomeStep returns the step of user's outcome, after which the account has its current status. decided: the outcome decided that.
func (a Account) outcomeStep(decided bool) string {
	if !decided {
		return stepCancelledAgain
	}
	return strings.ToLower(string(a.registered()))
}

// countRepeat counts what changed nothing.
func (s service) countRepeat(ctx context.Context, a Account, name string, cause timeline.Cause) {
	s.repeats.Count(ctx, a.ID, timeline.Step{At: s.now(), Step: name, Status: string(a.Status), Cause: cause})
}

// steps returns the steps of an erasure. Those of the registration ended with the person.
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

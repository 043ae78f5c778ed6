package main

import (
	"context"
	"net/http"
	"strings"
	"time"

	"comanda/services/event"
	"comanda/services/internal/rest"
	"comanda/services/internal/timeline"
)

// The names of the steps that are no change of status. The other steps have the name of the new status, in lower case.
const (
	stepPlaced          = "placed"
	stepAnnouncedAgain  = "announced_again"  // the recovery has published order.created.pending again
	stepReservationLost = "reservation_lost" // product did not know the reservation, so order.created.pending was published again
	stepOutcomeIgnored  = "outcome_ignored"  // product's outcome came too late
	stepOutcomeRefused  = "outcome_refused"  // product's outcome contradicts the order; its event is a dead letter
)

// timelineResponse lists the steps of one order's saga, oldest first.
type timelineResponse struct {
	OrderID string          `json:"orderId"`
	Steps   []timeline.Step `json:"steps"`
	// Missing names the services whose part is missing, because they did not answer.
	Missing []string `json:"missing,omitempty"`
}

// showTimeline returns every step of one order's saga: those of the services order and product.
func (s *service) showTimeline(w http.ResponseWriter, r *http.Request) error {
	id, err := orderID(r)
	if err != nil {
		return err
	}
	caller := callerOf(r)
	order, err := s.visibleOrder(r.Context(), id, caller)
	if err != nil {
		return err
	}
	repeats, err := s.repeats.Of(r.Context(), id)
	if err != nil {
		return err
	}
	product, missing := timeline.Ask(r.Context(), s.log, s.invoker, "product", "/reservations/"+id+"/steps", r.Header.Get("Authorization"))
	response := timelineResponse{id, timeline.Merge(order.steps(), order.Recovered, repeats, product), missing}
	if err := s.hideErased(r.Context(), response.Steps); err != nil {
		return err
	}
	if !caller.Staff {
		timeline.HideOthers(response.Steps, caller.ID)
	}
	return rest.Unversioned(w, r, response)
}

// steps returns the changes of the order's status.
func (o *Order) steps() []timeline.Step {
	steps := make([]timeline.Step, 0, len(o.History))
	for _, change := range o.History {
		steps = append(steps, change.step())
	}
	return steps
}

// step returns the change as a step of the timeline, whose name for a timer is recovery.
func (c Change) step() timeline.Step {
	step := timeline.Step{At: c.At, Step: stepOf(c.Status), Status: string(c.Status), Reason: c.Reason,
		Cause: timeline.Cause{Kind: c.Cause.Kind, ID: c.Cause.ID}, Actor: timeline.Actor{Role: c.Actor.Role, ID: c.Actor.ID}, Count: 1}
	if c.Cause.Kind == "timer" {
		step.Cause.Kind = timeline.Recovery
	}
	return step.Since(c.Cause.At)
}

// stepOf returns the name of the step that leads to a status.
func stepOf(status event.Status) string {
	if status == event.StatusPending {
		return stepPlaced
	}
	return strings.ToLower(string(status))
}

// recovered returns a step of the recovery or the reconciliation.
func (o *Order) recovered(name string, at time.Time) timeline.Step {
	return timeline.Step{At: at, Step: name, Status: string(o.Status), Cause: timeline.Cause{Kind: timeline.Recovery},
		Actor: timeline.Actor{Role: "recovery"}}
}

// repeat returns the step of a request or event that changed nothing. timeline.Repeats.Count stores it, with the actor and the count.
func (o *Order) repeat(name string, cause Cause, at time.Time) timeline.Step {
	return timeline.Step{At: at, Step: name, Status: string(o.Status), Cause: timeline.Cause{Kind: cause.Kind, ID: cause.ID}}
}

// repeatedStep returns the name of the step for an outcome that would have led to status, but changed nothing. If the order has had
// that status, the outcome is a duplicate; otherwise it came too late.
func (o *Order) repeatedStep(status event.Status) string {
	for _, change := range o.History {
		if change.Status == status {
			return stepOf(status)
		}
	}
	return stepOutcomeIgnored
}

// requestedStep returns the name of the step that the request with this identity caused.
func (o *Order) requestedStep(identity RequestIdentity) string {
	for _, change := range o.History {
		if change.Cause.Request != nil && change.Cause.Request.Key == identity.Key {
			return stepOf(change.Status)
		}
	}
	return stepPlaced // cannot happen: the caller has found the request
}

// hideErased removes the ids of actors who were erased: of customers, and of staff who worked on the orders of others.
func (s *service) hideErased(ctx context.Context, steps []timeline.Step) error {
	for i := range steps {
		if steps[i].Actor.ID == "" {
			continue
		}
		erased, err := s.lists.Erased(ctx, steps[i].Actor.ID)
		if err != nil {
			return err
		}
		if erased {
			steps[i].Actor.ID = ""
		}
	}
	return nil
}

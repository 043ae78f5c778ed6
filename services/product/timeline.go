package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/timeline"
)

// The steps of a reservation.
const (
	stepReserved    = "stock_reserved"
	stepRefused     = "stock_refused"     // too little stock, or another reason
	stepAnnounced   = "outcome_announced" // each publication counts
	stepReleased    = "stock_released"
	stepSold        = "stock_sold"
	stepTombstone   = "cancelled_before_order" // a tombstone
	stepOrderLate   = "order_ignored"          // the order arrived after its cancellation
	stepNothingHeld = "cancellation_ignored"   // no stock was reserved

	stepRefusedStatus = "status_refused" // the order's new status contradicts the reservation; its event is a dead letter
)

// Cause is the cause of a change of a reservation: an event, the replay of one, or the reconciliation.
type Cause struct {
	timeline.Cause
	At time.Time // when the event was made; zero for the reconciliation
}

func causeOf[T any](e event.Received[T]) Cause { return Cause{timeline.CauseOf(e), e.Time} }

// actorOf returns the actor of a step that has this cause.
func actorOf(cause timeline.Cause) timeline.Actor {
	if cause.Kind == timeline.Recovery || cause.Kind == timeline.Operator {
		return timeline.Actor{Role: cause.Kind}
	}
	return timeline.Actor{Role: "product"}
}

// age returns the age of the event at a time, in milliseconds, or nil if the cause has no time.
func (c Cause) age(at time.Time) *int64 { return timeline.Step{At: at}.Since(c.At).DurationMs }

// showSteps returns product's part of an order's timeline. Only the service order asks for it, after it has checked that the caller may
// see the order; the gateway does not serve this path. An order that product does not know has no steps.
func (s service) showSteps(w http.ResponseWriter, r *http.Request) error {
	id, err := canonicalID(rest.Param(r, "id"))
	if err != nil {
		return fault.NotFound("this order does not exist")
	}
	steps, err := s.store.Steps(r.Context(), id)
	if err != nil {
		return err
	}
	repeats, err := s.repeats.Of(r.Context(), id)
	if err != nil {
		return err
	}
	return rest.JSON(w, http.StatusOK, timeline.Part{Steps: timeline.Merge(steps, repeats)})
}

// Steps returns what happened to an order's reservation: its decision, the publications of the outcome, and its end. Repeats are not
// among them.
func (s store) Steps(ctx context.Context, orderID string) ([]timeline.Step, error) {
	var state State
	var decidedBy, endedBy timeline.Cause
	var reason string
	var decided, ended timeline.Step
	var announced, announcedAgain *time.Time
	var times int
	err := s.pool.QueryRow(ctx, `
		select r.state, coalesce(r.outcome->'failed'->>'reason', ''), r.decided_at,
			coalesce(r.decided_kind, 'event'), coalesce(r.decided_by, ''), r.decided_ms,
			r.updated_at, coalesce(r.ended_kind, 'event'), coalesce(r.ended_by, ''), r.ended_ms,
			d.created_at, d.updated_at, coalesce((doc(d.value)->>'times')::int, 0)
		from reservations r left join state d on d.key = 'reservation-' || r.order_id::text where r.order_id = $1`, orderID).
		Scan(&state, &reason, &decided.At, &decidedBy.Kind, &decidedBy.ID, &decided.DurationMs,
			&ended.At, &endedBy.Kind, &endedBy.ID, &ended.DurationMs, &announced, &announcedAgain, &times)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	step := func(s timeline.Step, name string, state State, cause timeline.Cause) timeline.Step {
		s.At, s.Step, s.Status, s.Count = s.At.UTC(), name, string(state), 1
		s.Cause, s.Actor = cause, actorOf(cause)
		return s
	}
	first := decisionOf(state, reason != "")
	decided.Reason = reason
	steps := []timeline.Step{step(decided, decisionStep(first), first, decidedBy)}
	if announced != nil {
		publication := step(timeline.Step{At: *announced}, stepAnnounced, first, decidedBy).Since(decided.At)
		if publication.Count = times; times > 1 && announcedAgain != nil {
			publication.LastAt = announcedAgain.UTC()
		}
		steps = append(steps, publication)
	}
	if state == Released || state == Sold {
		steps = append(steps, step(ended, "stock_"+strings.ToLower(string(state)), state, endedBy))
	}
	return steps, nil
}

// decisionOf returns the first state of a reservation, which is now in state.
func decisionOf(state State, failed bool) State {
	switch {
	case failed:
		return Failed
	case state == Tombstone:
		return Tombstone
	}
	return Reserved
}

// decisionStep returns the step of the decision that led to a first state.
func decisionStep(first State) string {
	switch first {
	case Failed:
		return stepRefused
	case Tombstone:
		return stepTombstone
	}
	return stepReserved
}

// repeatedRequest returns the step of an order that arrived again, or after its cancellation.
func repeatedRequest(r Reservation, cause Cause, at time.Time) timeline.Step {
	name := stepOrderLate
	if r.State != Tombstone {
		name = decisionStep(r.Outcome.State())
	}
	return repeat(name, r.State, cause, at)
}

// repeatedCancellation returns the step of a cancellation that changed nothing: a duplicate, or one of an order that held no stock.
func repeatedCancellation(state State, cause Cause, at time.Time) timeline.Step {
	switch state {
	case Released:
		return repeat(stepReleased, state, cause, at)
	case Tombstone:
		return repeat(stepTombstone, state, cause, at)
	}
	return repeat(stepNothingHeld, state, cause, at)
}

// repeatedDelivery returns the step of a delivery that changed nothing.
func repeatedDelivery(state State, cause Cause, at time.Time) timeline.Step {
	return repeat(stepSold, state, cause, at)
}

func repeat(name string, state State, cause Cause, at time.Time) timeline.Step {
	return timeline.Step{At: at, Step: name, Status: string(state), Cause: cause.Cause}
}

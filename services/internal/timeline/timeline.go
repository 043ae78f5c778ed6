// Package timeline tells what happened in one saga, step by step, for the person who has to explain it (decision 0024).
//
// A step that changed an aggregate is stored with the aggregate and commits with it: as history, as a Trail of the document, or in
// columns of its row. What changed nothing (a duplicate, an event that came too late) is counted in the table repeats, after the
// fact: a crash in between loses one count, and a redelivery adds one. Merge joins both.
//
// A timeline is bounded: it has one entry for each name of a step, with a count.
package timeline

import (
	"slices"
	"time"

	"comanda/services/event"
)

// The kinds of causes.
const (
	Event    = "event"    // ID is the event's id
	Replay   = "replay"   // ID is the id of the event, whose dead letter was replayed
	Request  = "request"  // ID is the trace id of the request
	Recovery = "recovery" // the background loop acted, because nothing else had happened; it has no id
	Operator = "operator" // `comanda reconcile -repair`; it has no id
)

// Step is one step of a saga, in the form in which the API shows it and documents carry it.
type Step struct {
	At         time.Time `json:"at"`               // of the first occurrence
	LastAt     time.Time `json:"lastAt,omitzero"`  // of the last one, if there were several
	Step       string    `json:"step"`             // what happened
	Status     string    `json:"status"`           // of the aggregate, after the step
	Reason     string    `json:"reason,omitempty"` // why the saga ended with this step
	Cause      Cause     `json:"cause"`
	Actor      Actor     `json:"actor"`
	DurationMs *int64    `json:"durationMs,omitempty"` // from the cause to the step; nil when the cause has no time
	Count      int       `json:"count"`                // 1, and one more for each repetition
}

// Cause is the trigger of a step.
type Cause struct {
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
}

// CauseOf returns the cause of a step that e triggers.
func CauseOf[T any](e event.Received[T]) Cause {
	if e.Replayed {
		return Cause{Replay, e.ID}
	}
	return Cause{Event, e.ID}
}

// Actor is the author of a step: a customer or staff, with the id of the account, or a service.
type Actor struct {
	Role string `json:"role"`
	ID   string `json:"id,omitempty"`
}

// Since returns s with the duration from cause to s. Two machines' clocks differ, so a negative duration becomes 0.
func (s Step) Since(cause time.Time) Step {
	if cause.IsZero() {
		return s
	}
	took := max(0, s.At.Sub(cause).Milliseconds())
	s.DurationMs = &took
	return s
}

// Trail is the steps that a document carries. Each name occurs once.
type Trail []Step

// Add appends s. If a step of this name is there, Add counts s in that step instead.
func (t *Trail) Add(s Step) {
	s.Count = max(s.Count, 1)
	if i := slices.IndexFunc(*t, func(before Step) bool { return before.Step == s.Step }); i >= 0 {
		before := &(*t)[i]
		before.Count += s.Count
		before.LastAt = latest(before.LastAt, s.At, s.LastAt)
		return
	}
	*t = append(*t, s)
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// Merge returns the steps of all parts in the order of their times. Steps of one name become one, with the sum of their counts.
func Merge(parts ...[]Step) []Step {
	all := Trail{}
	for _, part := range parts {
		for _, step := range part {
			all.Add(step)
		}
	}
	slices.SortStableFunc(all, func(a, b Step) int { return a.At.Compare(b.At) })
	return all
}

// HideOthers removes the ids of actors other than viewer. Customers do not learn who works in the kitchen.
func HideOthers(steps []Step, viewer string) {
	for i := range steps {
		if steps[i].Actor.ID != viewer {
			steps[i].Actor.ID = ""
		}
	}
}

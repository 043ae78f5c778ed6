package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Timeline holds the steps of one order or registration, oldest first.
type Timeline struct {
	OrderID string   `json:"orderId"`
	UserID  string   `json:"userId"`
	Steps   []Step   `json:"steps"`
	Missing []string `json:"missing"` // the services whose part is not there
}

// Step is one step of a saga.
type Step struct {
	At     time.Time `json:"at"`
	LastAt time.Time `json:"lastAt"` // zero unless Count is more than 1
	Step   string    `json:"step"`
	Status string    `json:"status"`
	Reason string    `json:"reason"`
	Cause  struct {
		Kind string `json:"kind"`
		ID   string `json:"id"`
	} `json:"cause"`
	Actor struct {
		Role string `json:"role"`
		ID   string `json:"id"`
	} `json:"actor"`
	DurationMs *int64 `json:"durationMs"`
	Count      int    `json:"count"`
}

// Timeline reads the timeline of an order (its customer, and staff).
func (c *Client) Timeline(ctx context.Context, orderID string) (Timeline, error) {
	return call[Timeline](ctx, c, Request{Method: http.MethodGet, Path: "/orders/" + url.PathEscape(orderID) + "/timeline"})
}

// RegistrationTimeline reads the timeline of a registration (admins).
func (c *Client) RegistrationTimeline(ctx context.Context, userID string) (Timeline, error) {
	return call[Timeline](ctx, c, Request{Method: http.MethodGet, Path: "/auth/registrations/" + url.PathEscape(userID) + "/timeline"})
}

// Find returns the step with a name, or the zero step.
func (t Timeline) Find(name string) Step {
	for _, step := range t.Steps {
		if step.Step == name {
			return step
		}
	}
	return Step{}
}

// String returns the timeline as a table with one step in each line, for a test's message.
func (t Timeline) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "timeline of %s%s:", t.OrderID, t.UserID)
	for _, s := range t.Steps {
		fmt.Fprintf(&text, "\n  %s  %-22s %-10s %s %s by %s %s", s.At.Format("15:04:05.000"), s.Step, s.Status, s.Cause.Kind, s.Cause.ID,
			s.Actor.Role, s.Actor.ID)
		if s.DurationMs != nil {
			fmt.Fprintf(&text, " after %d ms", *s.DurationMs)
		}
		if s.Count > 1 {
			fmt.Fprintf(&text, " (%d times, the last at %s)", s.Count, s.LastAt.Format("15:04:05.000"))
		}
		if s.Reason != "" {
			fmt.Fprintf(&text, ": %s", s.Reason)
		}
	}
	if len(t.Missing) > 0 {
		fmt.Fprintf(&text, "\n  without the part of %s, which does not answer", strings.Join(t.Missing, ", "))
	}
	return text.String()
}

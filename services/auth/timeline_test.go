package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"comanda/services/event"
	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/timeline"
)

// withUser replaces user by a fake that answers with these steps, or not at all.
func withUser(t *testing.T, steps string) func(*options) {
	return func(o *options) {
		o.invoker, _ = servicetest.NewInvoker(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if steps == "" || !strings.HasPrefix(r.URL.Path, "/v1.0/invoke/user/method/registrations/") || r.Header.Get("Authorization") == "" {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			_, _ = fmt.Fprintf(w, `{"steps":%s}`, steps)
		}))
	}
}

func (h harness) timeline(t *testing.T, admin servicetest.Person, id string) timelineResponse {
	t.Helper()
	return servicetest.Decode[timelineResponse](t, h.Request(t, admin, "GET", "/auth/registrations/"+id+"/timeline", ""), 200)
}

func wantSteps(t *testing.T, got []timeline.Step, want ...string) {
	t.Helper()
	var lines []string
	for _, s := range got {
		lines = append(lines, fmt.Sprintf("%s %s %s %s %d", s.Step, s.Status, s.Cause.Kind, s.Actor.Role, s.Count))
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// deliver delivers an outcome of user as an event with an id, and returns the handler's error.
func (h harness) deliver(t *testing.T, id, outcome string) error {
	t.Helper()
	h.clock.Advance(time.Second)
	return h.handleOutcome(t.Context(), event.Received[event.UserOutcome]{ID: "e1", Time: h.clock.Now().Add(-40 * time.Millisecond),
		Data: event.UserOutcome{UserID: id, Version: 1, Outcome: outcome}})
}

func TestTimelineOfARegistration(t *testing.T) {
	h := newHarness(t, withUser(t, `[{"at":"2000-01-01T00:00:00Z","step":"profile_created","status":"ACTIVE","cause":{"kind":"event"},
		"actor":{"role":"user"},"count":2}]`))
	admin := h.registerAdmin(t, "admin@example.com")
	id := h.registerPending(t, "ana@example.com")
	for range 2 {
		h.later(t, 2*time.Minute)
		if err := h.recoverRegistrations(t.Context(), recovery.Timing{After: 30 * time.Second, GiveUp: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if err := h.deliver(t, id, event.UserCreated); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.deliver(t, id, event.UserRejected); err == nil {
		t.Error("a rejection after the success: got no error, want a dead letter")
	}
	got := h.timeline(t, admin, id)
	wantSteps(t, got.Steps, "profile_created ACTIVE event user 2", "registered PENDING request customer 1",
		"announced_again PENDING recovery recovery 2", "active ACTIVE event user 3", "outcome_refused ACTIVE event auth 1")
	if got.UserID != id || got.Missing != nil || got.Steps[1].Actor.ID != id || got.Steps[3].Cause.ID != "e1" || *got.Steps[3].DurationMs != 40 {
		t.Errorf("got %+v, want the account as the actor of the registration, and e1 after 40 ms", got)
	}
	for name, caller := range map[string]servicetest.Person{"the person": h.caller(t, id), "without a token": anonymous} {
		if got := h.Request(t, caller, "GET", "/auth/registrations/"+id+"/timeline", ""); got.Code != 403 && got.Code != 401 {
			t.Errorf("%s: got %d, want 401 or 403", name, got.Code)
		}
	}
	for _, unknown := range []string{"7", "0c000000-0000-4000-8000-000000000001"} {
		if got := h.Request(t, admin, "GET", "/auth/registrations/"+unknown+"/timeline", ""); got.Code != 404 {
			t.Errorf("%s: got %d, want 404", unknown, got.Code)
		}
	}
}

// The timeline of a registration that was given up shows the profile that came too late.
func TestTimelineOfARegistrationThatEnded(t *testing.T) {
	h := newHarness(t, withUser(t, ""))
	admin := h.registerAdmin(t, "admin@example.com")
	late := h.registerPending(t, "ana@example.com")
	h.later(t, time.Hour)
	if err := h.recoverRegistrations(t.Context(), recovery.Timing{After: 30 * time.Second, GiveUp: time.Minute}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := h.deliver(t, late, event.UserCreated); err != nil {
			t.Fatal(err)
		}
	}
	got := h.timeline(t, admin, late)
	wantSteps(t, got.Steps, "registered PENDING request customer 1", "rejected REJECTED recovery recovery 1", "cancelled_again REJECTED event user 2")
	if len(got.Missing) != 1 || got.Missing[0] != "user" || got.Steps[1].Reason != reasonTimedOut {
		t.Errorf("got %+v, want user missing and the reason %s", got, reasonTimedOut)
	}
}

// An erasure deletes the steps of the registration.
func TestTimelineOfAnErasedAccount(t *testing.T) {
	h := newHarness(t, withUser(t, ""))
	admin := h.registerAdmin(t, "admin@example.com")
	gone := h.registerActive(t, "ben@example.com")
	if err := h.deliver(t, gone, event.UserCreated); err != nil { // a duplicate, which is counted
		t.Fatal(err)
	}
	person := h.caller(t, gone)
	person.LoggedIn = true
	if got := h.Request(t, person, "DELETE", "/users/me", ""); got.Code != 202 {
		t.Fatalf("erase: got %d %s, want 202", got.Code, got.Body)
	}
	for _, service := range holders() {
		h.clock.Advance(time.Second)
		servicetest.DeliverFrom(t, h.API, service, event.DeletingUserResponse, event.UserErasure{UserID: gone, Service: service, Outcome: event.UserErased})
	}
	wantSteps(t, h.timeline(t, admin, gone).Steps, "erasure_begun DELETING request customer 1", "erased ERASED event auth 1")
}

package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/timeline"
	"comanda/services/internal/token"
)

func (h harness) wantSteps(t *testing.T, id string, want ...string) []timeline.Step {
	t.Helper()
	admin := servicetest.Person{ID: uuid.NewString(), Roles: []string{token.Admin}}
	part := servicetest.Decode[timeline.Part](t, h.Request(t, admin, "GET", "/registrations/"+id+"/steps", "", servicetest.CalledBy("auth")...), 200)
	var got []string
	for _, s := range part.Steps {
		got = append(got, fmt.Sprintf("%s %s %s %d", s.Step, s.Status, s.Reason, s.Count))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	return part.Steps
}

func TestStepsTellWhatBecameOfAProfile(t *testing.T) {
	h := newHarness(t)
	ana, eve := profileRequest("+34600111222"), profileRequest("+34600111223")
	ben := profileRequest("+34600111224")
	h.verifiedProfile(t, ben.Phone)
	for range 3 {
		h.deliverRequest(t, ana)
	}
	h.deliverRequest(t, ben) // the phone is taken
	h.deliverCancellation(t, eve.UserID)
	for range 2 {
		h.deliverRequest(t, eve)
		h.deliverCancellation(t, eve.UserID)
	}
	h.wantSteps(t, ana.UserID, "profile_created ACTIVE  3")
	h.wantSteps(t, ben.UserID, "profile_rejected REJECTED phone_taken 1")
	h.wantSteps(t, eve.UserID, "profile_cancelled CANCELLED timed_out 3", "request_ignored CANCELLED  2")
	h.deliverCancellation(t, ben.UserID)
	h.wantSteps(t, ben.UserID, "profile_rejected REJECTED phone_taken 1", "profile_cancelled CANCELLED timed_out 1")
	h.wantSteps(t, uuid.NewString())

	// an erasure removes the steps before it
	late := servicetest.Deliver(t, h.API, event.CreatingUserCancelled, event.UserCancelled{UserID: eve.UserID, Version: 2})
	if late != "SUCCESS" {
		t.Errorf("got %s, want SUCCESS", late)
	}
	servicetest.Deliver(t, h.API, event.DeletingUser, event.UserToErase{UserID: eve.UserID, Version: 2})
	h.wantSteps(t, eve.UserID, "profile_erased ERASED  1")
	for range 2 {
		servicetest.Deliver(t, h.API, event.DeletingUser, event.UserToErase{UserID: ana.UserID, Version: 2})
	}
	h.wantSteps(t, ana.UserID, "profile_erased ERASED  2")
	for _, person := range []servicetest.Person{{}, customer(ana.UserID)} {
		if got := h.Request(t, person, "GET", "/registrations/"+ana.UserID+"/steps", "", servicetest.CalledBy("auth")...); got.Code != 401 && got.Code != 403 {
			t.Errorf("%v: got %d, want 401 or 403", person.Roles, got.Code)
		}
	}
}

func TestStepsMeasureHops(t *testing.T) {
	h := newHarness(t)
	ana := profileRequest("")
	e := event.Received[event.UserToCreate]{ID: "e1", Time: time.Now().Add(-time.Minute), Data: ana}
	if err := h.createProfile(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	steps := h.wantSteps(t, ana.UserID, "profile_created ACTIVE  1")
	if s := steps[0]; s.Cause != (timeline.Cause{Kind: "event", ID: "e1"}) || s.DurationMs == nil || *s.DurationMs < 60_000 || *s.DurationMs > 120_000 {
		t.Errorf("got %+v, want e1 a minute before", s)
	}
}

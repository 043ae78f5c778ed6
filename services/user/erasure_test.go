package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

// deliverErasure delivers auth's request to erase an account.
func (h harness) deliverErasure(t *testing.T, id string) {
	t.Helper()
	if got := servicetest.Deliver(t, h.API, event.DeletingUser, event.UserToErase{UserID: id, Version: 3}); got != "SUCCESS" {
		t.Fatalf("deleting.user: got %s, want SUCCESS", got)
	}
}

// erasures returns the number of answers to requests to erase id.
func (h harness) erasures(t *testing.T, id string) (count int) {
	t.Helper()
	want := event.UserErasure{UserID: id, Version: 3, Service: "user", Outcome: event.UserErased}
	for _, answer := range servicetest.Events(t, h.sidecar, "profiles", event.DeletingUserResponse) {
		if answer == want {
			count++
		}
	}
	return count
}

func TestErasureLeavesATombstoneWithoutPersonalData(t *testing.T) {
	h, ana := newHarness(t), profileRequest("+34600111222")
	h.deliverRequest(t, ana)
	h.deliverErasure(t, ana.UserID)
	h.deliverErasure(t, ana.UserID) // delivered twice: answered twice
	if got := h.erasures(t, ana.UserID); got != 2 {
		t.Fatalf("got %d answers, want 2", got)
	}
	var kept string
	if err := h.pool.QueryRow(t.Context(), `select string_agg(convert_from(value, 'UTF8'), ' ') from state`).Scan(&kept); err != nil {
		t.Fatal(err)
	}
	for _, personal := range []string{"600111222", "example.com", "Ana"} {
		if strings.Contains(kept, personal) {
			t.Errorf("the tombstone contains %q: %s", personal, kept)
		}
	}
	for _, method := range []string{"GET", "PATCH"} {
		body := map[string]string{"PATCH": `{"name":"Ana"}`}[method]
		if got := h.Request(t, customer(ana.UserID), method, "/users/me", body); got.Code != http.StatusNotFound {
			t.Errorf("%s of the erased profile: got %d, want 404", method, got.Code)
		}
	}
	again := profileRequest("+34600111222") // the number is free
	h.deliverRequest(t, again)
	if got := h.outcomes(t, again.UserID); got != "created" {
		t.Errorf("another profile with the phone: got outcomes %q, want created", got)
	}
}

// An erased profile does not come back: neither by a redelivered registration, nor by its cancellation, nor by a registration that
// arrives after the erasure.
func TestErasedProfileStaysErased(t *testing.T) {
	h := newHarness(t)
	for name, deliver := range map[string]func(*testing.T, event.UserToCreate){
		"a registration delivered again": func(t *testing.T, one event.UserToCreate) {
			h.deliverRequest(t, one)
			h.deliverErasure(t, one.UserID)
			h.deliverRequest(t, one)
		},
		"a late registration": func(t *testing.T, one event.UserToCreate) {
			h.deliverErasure(t, one.UserID)
			h.deliverRequest(t, one)
		},
		"a late cancellation": func(t *testing.T, one event.UserToCreate) {
			h.deliverRequest(t, one)
			h.deliverErasure(t, one.UserID)
			h.deliverCancellation(t, one.UserID)
		},
		"an erasure after the cancellation": func(t *testing.T, one event.UserToCreate) {
			h.deliverCancellation(t, one.UserID)
			h.deliverErasure(t, one.UserID)
		},
	} {
		t.Run(name, func(t *testing.T) {
			one := profileRequest("")
			deliver(t, one)
			profile, err := h.documents.Get(t.Context(), one.UserID)
			if err != nil || profile.Status != Erased || profile.Name != "" {
				t.Errorf("got %+v, %v, want the tombstone of an erased profile", profile, err)
			}
			if got := h.erasures(t, one.UserID); got != 1 {
				t.Errorf("got %d answers, want 1", got)
			}
			if got := h.outcomes(t, one.UserID); got != "" && got != "created" {
				t.Errorf("got outcomes %q, want no other than the first", got)
			}
		})
	}
}

func TestErasureWinsTheRaceAgainstTheRegistration(t *testing.T) {
	h, ana := newHarness(t), profileRequest("+34600111222")
	h.sidecar.BeforeNextWrite(func() { h.deliverRequest(t, ana) }) // right before the tombstone is created
	h.deliverErasure(t, ana.UserID)
	if profile, err := h.documents.Get(t.Context(), ana.UserID); err != nil || profile.Status != Erased || profile.Phone != "" {
		t.Errorf("got %+v, %v, want a tombstone", profile, err)
	}
}

func TestErasureOfABadIDIsADeadLetter(t *testing.T) {
	h := newHarness(t)
	if got := servicetest.Deliver(t, h.API, event.DeletingUser, event.UserToErase{UserID: "x"}); got != "DROP" {
		t.Errorf("got %s, want DROP", got)
	}
	h.sidecar.Away(true)
	request := event.UserToErase{UserID: uuid.NewString(), Version: 3}
	if got := servicetest.Deliver(t, h.API, event.DeletingUser, request); got != "RETRY" {
		t.Errorf("without a sidecar: got %s, want RETRY", got)
	}
}

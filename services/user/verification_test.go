package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

var waiter = servicetest.Person{ID: uuid.NewString(), Roles: []string{token.Customer, token.Staff}}

// verify verifies the number of the profile id as staff, and returns the status of the answer.
func (h harness) verify(t *testing.T, id, number string) int {
	t.Helper()
	return h.Request(t, waiter, "PUT", "/users/"+id+"/phone-verification", `{"phone":"`+number+`"}`).Code
}

// verifiedProfile creates a profile whose number is verified, and returns its id.
func (h harness) verifiedProfile(t *testing.T, number string) string {
	t.Helper()
	request := profileRequest(number)
	h.deliverRequest(t, request)
	if code := h.verify(t, request.UserID, number); code != http.StatusOK {
		t.Fatalf("verify %s: got %d, want 200", number, code)
	}
	return request.UserID
}

func TestUnverifiedPhoneBlocksNoOne(t *testing.T) {
	const number = "+34600111222"
	h, squatter, owner := newHarness(t), profileRequest(number), profileRequest(number)
	h.deliverRequest(t, squatter)
	h.deliverRequest(t, owner)
	if got := h.outcomes(t, owner.UserID); got != "created" {
		t.Errorf("got outcomes %q, want created", got)
	}
	third := profileRequest("")
	h.deliverRequest(t, third)
	if got := h.Request(t, customer(third.UserID), "PATCH", "/users/me", `{"phone":"`+number+`"}`); got.Code != http.StatusOK {
		t.Errorf("change to an unverified number: got %d %s, want 200", got.Code, got.Body)
	}
	if code := h.verify(t, owner.UserID, number); code != http.StatusOK {
		t.Errorf("verify the owner's number: got %d, want 200", code)
	}
	if profile := h.ownProfile(t, owner.UserID); profile.PhoneVerifiedAt == nil || profile.Version != 2 {
		t.Errorf("got %+v, want a verified number in version 2", profile)
	}
	if code := h.verify(t, owner.UserID, number); code != http.StatusOK || h.ownProfile(t, owner.UserID).Version != 2 {
		t.Errorf("verified again: got %d, want 200 and version 2", code)
	}
	h.sidecar.BeforeNextWrite(func() { t.Error("a refused verification was written: Postgres would log the number") })
	if code := h.verify(t, squatter.UserID, number); code != http.StatusConflict {
		t.Errorf("verify the number for another profile: got %d, want 409", code)
	}
}

func TestVerificationEndsWithTheNumber(t *testing.T) {
	const number = "+34600111222"
	h := newHarness(t)
	owner := h.verifiedProfile(t, number)
	heir := profileRequest(number)
	h.deliverRequest(t, heir)
	if got := h.outcomes(t, heir.UserID); got != "rejected phone_taken" {
		t.Fatalf("got outcomes %q, want rejected phone_taken", got)
	}
	if got := h.Request(t, waiter, "DELETE", "/users/"+owner+"/phone-verification", ""); got.Code != http.StatusNoContent {
		t.Fatalf("end the verification: got %d %s, want 204", got.Code, got.Body)
	}
	heir = profileRequest(number)
	h.deliverRequest(t, heir)
	if got := h.outcomes(t, heir.UserID); got != "created" {
		t.Errorf("after the end of the verification: got outcomes %q, want created", got)
	}
	if code := h.verify(t, heir.UserID, number); code != http.StatusOK {
		t.Errorf("the new owner: got %d, want 200", code)
	}
	if got := h.Request(t, waiter, "DELETE", "/users/"+owner+"/phone-verification", ""); got.Code != http.StatusNoContent ||
		h.ownProfile(t, owner).Version != 3 {
		t.Errorf("end it again: got %d, want 204 and version 3", got.Code)
	}
	h.Request(t, customer(heir.UserID), "PATCH", "/users/me", `{"phone":"+34600111333"}`)
	if profile := h.ownProfile(t, heir.UserID); profile.PhoneVerifiedAt != nil || profile.Phone != "+34600111333" {
		t.Errorf("a changed number: got %+v, want one that is not verified", profile)
	}
	if code := h.verify(t, owner, number); code != http.StatusOK {
		t.Errorf("a number that was given up: got %d, want 200", code)
	}
}

func TestVerificationChecksItsRequest(t *testing.T) {
	h, ana := newHarness(t), profileRequest("+34600111222")
	h.deliverRequest(t, ana)
	path, good := "/users/"+ana.UserID+"/phone-verification", `{"phone":"+34 600 111 222"}`
	gone := profileRequest(ana.Phone)
	h.deliverRequest(t, gone)
	h.deliverErasure(t, gone.UserID)
	admin := servicetest.Person{ID: uuid.NewString(), Roles: []string{token.Admin}}
	for _, tc := range []struct {
		name       string
		who        servicetest.Person
		path, body string
		code       int
	}{
		{"the owner", customer(ana.UserID), path, good, 403},
		{"another number", waiter, path, `{"phone":"+34600111333"}`, 409},
		{"no number", waiter, path, `{}`, 422},
		{"no such profile", waiter, "/users/" + uuid.NewString() + "/phone-verification", good, 404},
		{"an erased profile", waiter, "/users/" + gone.UserID + "/phone-verification", good, 404},
		{"no id", waiter, "/users/me/phone-verification", good, 404},
		{"an admin", admin, path, good, 200},
	} {
		got := h.Request(t, tc.who, "PUT", tc.path, tc.body)
		if got.Code != tc.code || strings.Contains(got.Body, "example.com") {
			t.Errorf("%s: got %d %s, want %d and no other personal data", tc.name, got.Code, got.Body, tc.code)
		}
	}
	if got := h.Request(t, customer(ana.UserID), "DELETE", path, ""); got.Code != 403 {
		t.Errorf("the owner ends it: got %d, want 403", got.Code)
	}
}

// TestIndexDecidesBetweenVerifications checks the answer to a verification that the lookup admits and the index refuses.
func TestIndexDecidesBetweenVerifications(t *testing.T) {
	const number = "+34600111222"
	h, ana := newHarness(t), profileRequest(number)
	h.deliverRequest(t, ana)
	other := profileRequest(number)
	h.deliverRequest(t, other)
	h.sidecar.BeforeNextWrite(func() {
		if code := h.verify(t, other.UserID, number); code != http.StatusOK {
			t.Errorf("the first: got %d, want 200", code)
		}
	})
	if code := h.verify(t, ana.UserID, number); code != http.StatusConflict {
		t.Errorf("the second: got %d, want 409", code)
	}
}

// A verification that the index refused succeeds when the other profile's verification has ended in between.
func TestANumberThatIsFreeAgainIsVerified(t *testing.T) {
	const number = "+34600111222"
	h, ana := newHarness(t), profileRequest(number)
	h.deliverRequest(t, ana)
	h.sidecar.BeforeNextWrite(func() {
		other := h.verifiedProfile(t, number)
		h.sidecar.AfterNextWrite(func() {
			got := h.Request(t, waiter, "DELETE", "/users/"+other+"/phone-verification", "")
			if got.Code != http.StatusNoContent {
				t.Errorf("end the other verification: got %d %s, want 204", got.Code, got.Body)
			}
		})
	})
	if code := h.verify(t, ana.UserID, number); code != http.StatusOK {
		t.Errorf("got %d, want 200", code)
	}
}

func TestConcurrentVerificationsGiveANumberToOneProfile(t *testing.T) {
	const number, racers = "+34600111222", 8
	h := newHarness(t)
	codes := make(chan int, racers)
	for range racers {
		one := profileRequest(number)
		h.deliverRequest(t, one)
		go func() { codes <- h.verify(t, one.UserID, number) }()
	}
	count := map[int]int{}
	for range racers {
		count[<-codes]++
	}
	if count[200] != 1 || count[409] != racers-1 {
		t.Errorf("got statuses %v, want one 200 and %d times 409", count, racers-1)
	}
}

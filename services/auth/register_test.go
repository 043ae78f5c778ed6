package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/servicetest"
)

func TestRegistrationRequestsAProfileAndKeepsThePasswordSecret(t *testing.T) {
	h := newHarness(t)
	id := h.registerPending(t, "Ana@example.com")
	requests := servicetest.Events(t, h.sidecar, "accounts", event.CreatingUser)
	want := event.UserToCreate{UserID: id, Version: 1, Email: "ana@example.com", Name: "Ana"}
	if len(requests) != 1 || requests[0] != want {
		t.Fatalf("got profile requests %+v, want %+v", requests, want)
	}
	for _, e := range h.sidecar.All() {
		if e.Subject != id || strings.Contains(string(e.Data), "$argon2id$") || strings.Contains(string(e.Data), password) {
			t.Errorf("got event %s with subject %s, want subject %s and no password", e.Data, e.Subject, id)
		}
	}
	h.deliverOutcome(t, id, event.UserCreated, "")
	h.deliverOutcome(t, id, event.UserCreated, "")
	if now := h.registration(t, id); now.Status != Active {
		t.Fatalf("got %+v, want ACTIVE", now)
	}
	var kept string
	if err := h.pool.QueryRow(t.Context(), `select document::text from accounts where id = $1`, id).Scan(&kept); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(kept, `"Ana"`) || strings.Contains(kept, password) {
		t.Errorf("the stored account holds the name or the password: %s", kept)
	}
}

func TestRegistrationResponseHasALocation(t *testing.T) {
	h := newHarness(t)
	got := h.register(t, "ana@example.com", password)
	location := got.Header.Get("Location")
	if got.Code != 202 || !strings.HasPrefix(location, "/api/v1/auth/registrations/") ||
		!strings.Contains(got.Body, location[len("/api/v1/auth/registrations/"):]) {
		t.Fatalf("got %d, Location %q, body %s, want 202 and the registration's address", got.Code, location, got.Body)
	}
}

func TestAnEmailIsTakenUntilItsRegistrationIsRejected(t *testing.T) {
	h := newHarness(t)
	id := h.registerPending(t, "ana@example.com")
	if code := h.register(t, "ANA@example.com", password).Code; code != 409 {
		t.Errorf("while PENDING: got %d, want 409", code)
	}
	h.deliverOutcome(t, id, event.UserRejected, event.ReasonPhoneTaken)
	if now := h.registration(t, id); now.Status != Rejected || now.Reason != event.ReasonPhoneTaken {
		t.Errorf("got %+v, want REJECTED, phone_taken", now)
	}
	h.registerActive(t, "ana@example.com")
	if code := h.register(t, "ana@example.com", password).Code; code != 409 {
		t.Errorf("while ACTIVE: got %d, want 409", code)
	}
}

func TestRepeatedRegistrationGetsTheSameResponse(t *testing.T) {
	h := newHarness(t)
	key := []string{"Idempotency-Key", "k1"}
	first := servicetest.Decode[registrationState](t, h.register(t, "ana@example.com", password, key...), 202)
	second := servicetest.Decode[registrationState](t, h.register(t, "Ana@example.com", password, key...), 202)
	if second != first {
		t.Errorf("repeated: got %+v, want %+v", second, first)
	}
	if got := h.register(t, "ana@example.com", password, key...).Header.Get("Location"); got != "/api/v1/auth/registrations/"+first.UserID {
		t.Errorf("repeated: got Location %q, want that of the first response", got)
	}
	if code := h.register(t, "ana@example.com", "another secret", key...).Code; code != 422 {
		t.Errorf("another password: got %d, want 422", code)
	}
	for member, value := range map[string]string{
		"name": `"Anna"`, "phone": `"+34600111222"`, "address": `{"street":"Calle 1","city":"León","postalCode":"24001","country":"ES"}`,
	} {
		body := strings.Replace(registrationBody("ana@example.com", password), `"name":"Ana"`, fmt.Sprintf(`"name":"Ana",%q:%s`, member, value), 1)
		if member == "name" {
			body = strings.Replace(body, `"name":"Ana",`, "", 1)
		}
		if got := h.Request(t, anonymous, "POST", "/auth/register", body, key...); got.Code != 422 || got.Fields() != "Idempotency-Key" {
			t.Errorf("another %s: got %d %s, want 422 for Idempotency-Key", member, got.Code, got.Body)
		}
	}
	if code := h.register(t, "ana@example.com", password, "Idempotency-Key", "k2").Code; code != 409 {
		t.Errorf("another key: got %d, want 409", code)
	}
	h.deliverOutcome(t, first.UserID, event.UserCreated, "")
	if got := h.register(t, "ana@example.com", password, key...); got.Code != 202 || got.Text("userId") != first.UserID {
		t.Errorf("repeated when ACTIVE: got %d %s, want 202 %s", got.Code, got.Body, first.UserID)
	}
	if requests := servicetest.Events(t, h.sidecar, "accounts", event.CreatingUser); len(requests) != 1 {
		t.Errorf("got %d profile requests, want 1", len(requests))
	}
}

// TestConcurrentRegistrationsCreateOneAccount covers a proxy that sends one request several times, and clients that compete for
// one e-mail.
func TestConcurrentRegistrationsCreateOneAccount(t *testing.T) {
	for name, tc := range map[string]struct {
		key      func(i int) string
		accepted int
	}{
		"the same request":   {func(int) string { return "k" }, 8},
		"different requests": {func(i int) string { return fmt.Sprint(i) }, 1},
	} {
		h := newHarness(t)
		codes, ids := map[int]int{}, map[string]bool{}
		responses := make(chan servicetest.Response)
		for i := range 8 {
			go func() {
				responses <- h.register(t, "ana@example.com", password, "Idempotency-Key", tc.key(i))
			}()
		}
		for range 8 {
			got := <-responses
			if codes[got.Code]++; got.Code == 202 {
				ids[got.Text("userId")] = true
			}
		}
		if codes[202] != tc.accepted || codes[409] != 8-tc.accepted || len(ids) != 1 {
			t.Errorf("%s: got statuses %v, ids %v, want %d times 202 and one id", name, codes, ids, tc.accepted)
		}
		if requests := servicetest.Events(t, h.sidecar, "accounts", event.CreatingUser); len(requests) != 1 {
			t.Errorf("%s: got %d profile requests, want 1", name, len(requests))
		}
	}
}

// A registration whose e-mail was refused by the index is accepted when the account that had the e-mail is rejected in between.
func TestAnEmailThatIsFreeAgainIsRegistered(t *testing.T) {
	h := newHarness(t)
	h.sidecar.BeforeNextWrite(func() {
		rival := h.registerPending(t, "ana@example.com")
		h.sidecar.AfterNextWrite(func() { h.deliverOutcome(t, rival, event.UserRejected, event.ReasonPhoneTaken) })
	})
	if got := h.register(t, "ana@example.com", password); got.Code != 202 {
		t.Errorf("got %d %s, want 202", got.Code, got.Body)
	}
}

func TestRegistrationSucceedsWhenTheSidecarsResponseIsLost(t *testing.T) {
	h := newHarness(t)
	h.sidecar.LoseNextAnswer()
	h.registerPending(t, "ana@example.com")
}

func TestRegistrationWithoutASidecarReturns503(t *testing.T) {
	h := newHarness(t)
	h.sidecar.Away(true)
	if code := h.register(t, "ana@example.com", password).Code; code != 503 {
		t.Fatalf("got %d, want 503", code)
	}
}

func TestPreferWaitBlocksUntilTheRegistrationIsDecided(t *testing.T) {
	h := newHarness(t)
	id := h.registerPending(t, "ana@example.com")
	responses := make(chan servicetest.Response)
	go func() {
		responses <- h.Request(t, anonymous, "GET", "/auth/registrations/"+id, "", "Prefer", "wait=20")
	}()
	select {
	case got := <-responses:
		t.Fatalf("got %s before the outcome, want no response", got.Body)
	case <-time.After(50 * time.Millisecond):
	}
	h.deliverOutcome(t, id, event.UserCreated, "")
	if got := <-responses; got.Text("status") != string(Active) {
		t.Errorf("got %d %s, want ACTIVE", got.Code, got.Body)
	}
	for path, want := range map[string]int{"/auth/registrations/" + uuid.NewString(): 404, "/auth/registrations/7": 404} {
		if code := h.Request(t, anonymous, "GET", path, "", "Prefer", "wait=5").Code; code != want {
			t.Errorf("%s: got %d, want %d", path, code, want)
		}
	}
	got := h.Request(t, anonymous, "GET", "/auth/registrations/"+id, "", "Prefer", "wait=60")
	if applied := got.Header.Get("Preference-Applied"); got.Code != 200 || applied != "wait=30" {
		t.Errorf("wait=60: got %d, Preference-Applied %q, want 200 and wait=30", got.Code, applied)
	}
}

func TestInvalidOutcomesAreRejected(t *testing.T) {
	h := newHarness(t)
	active := h.registerPending(t, "eva@example.com")
	h.deliverOutcome(t, active, event.UserCreated, "")
	for name, outcome := range map[string]event.UserOutcome{
		"not a UUID":      {UserID: "7", Outcome: event.UserCreated},
		"unknown account": {UserID: uuid.NewString(), Outcome: event.UserCreated},
		"unknown outcome": {UserID: h.registerPending(t, "ana@example.com"), Outcome: "perhaps"},
		"contradiction":   {UserID: active, Outcome: event.UserRejected, Reason: event.ReasonPhoneTaken},
	} {
		err := h.handleOutcome(t.Context(), event.Received[event.UserOutcome]{Data: outcome})
		if err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	h.sidecar.Away(true)
	outcome := event.UserOutcome{UserID: uuid.NewString(), Outcome: event.UserCreated}
	err := h.handleOutcome(t.Context(), event.Received[event.UserOutcome]{Data: outcome})
	if !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("without a sidecar: got %v, want Unavailable", err)
	}
}

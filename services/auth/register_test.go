package main

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/servicetest"
)

func TestRegistrationAsksForAProfileAndTellsNobodyThePassword(t *testing.T) {
	h := newHarness(t)
	id := h.registerPending(t, "Ana@example.com")
	asked := servicetest.Events(t, h.sidecar, "accounts", event.CreatingUser)
	want := event.UserToCreate{UserID: id, Version: 1, Email: "ana@example.com", Name: "Ana"}
	if len(asked) != 1 || asked[0] != want {
		t.Fatalf("announced %+v", asked)
	}
	for _, e := range h.sidecar.All() {
		if e.Subject != id || strings.Contains(string(e.Data), "$2a$") || strings.Contains(string(e.Data), password) {
			t.Errorf("announced %s about %s", e.Data, e.Subject)
		}
	}
	h.deliverOutcome(t, id, event.UserCreated, "")
	h.deliverOutcome(t, id, event.UserCreated, "")
	if now := h.registration(t, id); now.Status != Active {
		t.Fatalf("got %+v", now)
	}
	var kept string
	if err := h.pool.QueryRow(t.Context(), `select document::text from accounts where id = $1`, id).Scan(&kept); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(kept, `"Ana"`) || strings.Contains(kept, password) {
		t.Errorf("the account keeps %s", kept)
	}
}

func TestRegistrationAnswersWhereToLook(t *testing.T) {
	h := newHarness(t)
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/auth/register", strings.NewReader(registrationBody("ana@example.com", password)))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.router.ServeHTTP(w, r)
	location := w.Header().Get("Location")
	if w.Code != 202 || !strings.HasPrefix(location, "/api/v1/auth/registrations/") || !strings.Contains(w.Body.String(), location[len("/api/v1/auth/registrations/"):]) {
		t.Fatalf("%d, Location %q, %s", w.Code, location, w.Body)
	}
}

func TestAnEmailIsTakenUntilItsRegistrationIsRejected(t *testing.T) {
	h := newHarness(t)
	id := h.registerPending(t, "ana@example.com")
	if code := h.call(t, "POST", "/auth/register", registrationBody("ANA@example.com", password), nil); code != 409 {
		t.Errorf("while PENDING: %d", code)
	}
	h.deliverOutcome(t, id, event.UserRejected, event.ReasonPhoneTaken)
	if now := h.registration(t, id); now.Status != Rejected || now.Reason != event.ReasonPhoneTaken {
		t.Errorf("got %+v", now)
	}
	h.registerActive(t, "ana@example.com")
	if code := h.call(t, "POST", "/auth/register", registrationBody("ana@example.com", password), nil); code != 409 {
		t.Errorf("while ACTIVE: %d", code)
	}
}

func TestTheSameRegistrationTwice(t *testing.T) {
	h := newHarness(t)
	key := []string{"Idempotency-Key", "k1"}
	var first, second registrationState
	h.call(t, "POST", "/auth/register", registrationBody("ana@example.com", password), &first, key...)
	if code := h.call(t, "POST", "/auth/register", registrationBody("Ana@example.com", password), &second, key...); code != 202 || first != second {
		t.Errorf("again: %d %+v, first %+v", code, second, first)
	}
	if code := h.call(t, "POST", "/auth/register", registrationBody("ana@example.com", "another secret"), nil, key...); code != 422 {
		t.Errorf("with another password: %d", code)
	}
	if code := h.call(t, "POST", "/auth/register", registrationBody("ana@example.com", password), nil, "Idempotency-Key", "k2"); code != 409 {
		t.Errorf("with another key: %d", code)
	}
	h.deliverOutcome(t, first.UserID, event.UserCreated, "")
	if code := h.call(t, "POST", "/auth/register", registrationBody("ana@example.com", password), &second, key...); code != 202 || second.UserID != first.UserID {
		t.Errorf("when ACTIVE: %d %+v", code, second)
	}
	if asked := servicetest.Events(t, h.sidecar, "accounts", event.CreatingUser); len(asked) != 1 {
		t.Errorf("announced %d times", len(asked))
	}
}

// The proxy sends one request twice at the same time; and two people want the same e-mail at the same time.
func TestRegistrationsRace(t *testing.T) {
	for name, tc := range map[string]struct {
		key      func(i int) string
		accepted int
	}{
		"the same request":   {func(int) string { return "k" }, 8},
		"different requests": {func(i int) string { return fmt.Sprint(i) }, 1},
	} {
		h := newHarness(t)
		codes, ids := map[int]int{}, map[string]bool{}
		type answer struct {
			code int
			id   string
		}
		answers := make(chan answer)
		for i := range 8 {
			go func() {
				var got registrationState
				code := h.call(t, "POST", "/auth/register", registrationBody("ana@example.com", password), &got, "Idempotency-Key", tc.key(i))
				answers <- answer{code, got.UserID}
			}()
		}
		for range 8 {
			got := <-answers
			if codes[got.code]++; got.code == 202 {
				ids[got.id] = true
			}
		}
		if codes[202] != tc.accepted || codes[409] != 8-tc.accepted || len(ids) != 1 {
			t.Errorf("%s: answers %v, ids %v", name, codes, ids)
		}
		if asked := servicetest.Events(t, h.sidecar, "accounts", event.CreatingUser); len(asked) != 1 {
			t.Errorf("%s: announced %d times", name, len(asked))
		}
	}
}

func TestRegistrationWhoseWriteIsLostInTheAnswer(t *testing.T) {
	h := newHarness(t)
	h.sidecar.LoseNextAnswer()
	h.registerPending(t, "ana@example.com")
}

func TestRegistrationWithoutASidecarIs503(t *testing.T) {
	h := newHarness(t)
	h.sidecar.Away(true)
	if code := h.call(t, "POST", "/auth/register", registrationBody("ana@example.com", password), nil); code != 503 {
		t.Fatalf("got %d", code)
	}
}

func TestWaitingForARegistration(t *testing.T) {
	h := newHarness(t)
	id := h.registerPending(t, "ana@example.com")
	done := make(chan registrationState)
	go func() {
		var got registrationState
		h.call(t, "GET", "/auth/registrations/"+id, "", &got, "Prefer", "wait=20")
		done <- got
	}()
	select {
	case got := <-done:
		t.Fatalf("answered at once: %+v", got)
	case <-time.After(50 * time.Millisecond):
	}
	h.deliverOutcome(t, id, event.UserCreated, "")
	if got := <-done; got.Status != Active {
		t.Errorf("got %+v", got)
	}
	for path, want := range map[string]int{"/auth/registrations/" + uuid.NewString(): 404, "/auth/registrations/7": 404} {
		if code := h.call(t, "GET", path, "", nil, "Prefer", "wait=5"); code != want {
			t.Errorf("%s: %d", path, code)
		}
	}
	if code := h.call(t, "GET", "/auth/registrations/"+id, "", nil, "Prefer", "wait=31"); code != 400 {
		t.Errorf("too long a wait: %d", code)
	}
}

func TestAnswersThatCannotBe(t *testing.T) {
	h := newHarness(t)
	for name, answer := range map[string]event.UserOutcome{
		"no id":           {UserID: "7", Outcome: event.UserCreated},
		"unknown account": {UserID: uuid.NewString(), Outcome: event.UserCreated},
		"unknown outcome": {UserID: h.registerPending(t, "ana@example.com"), Outcome: "perhaps"},
	} {
		err := h.handleOutcome(t.Context(), event.Received[event.UserOutcome]{Data: answer})
		if err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	h.sidecar.Away(true)
	err := h.handleOutcome(t.Context(), event.Received[event.UserOutcome]{Data: event.UserOutcome{UserID: uuid.NewString(), Outcome: event.UserCreated}})
	if !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("while the sidecar is away: %v", err)
	}
}

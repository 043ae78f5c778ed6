package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

// loggedIn returns the caller with the token of a login.
func (h harness) loggedIn(t *testing.T, id string, roles ...string) servicetest.Person {
	t.Helper()
	account, err := h.documents.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return servicetest.Person{ID: id, Roles: append(roles, token.Customer), LoggedIn: true, Epoch: account.Epoch}
}

// beginErasureOf sends DELETE /users/me as the account and checks that it is DELETING.
func (h harness) beginErasureOf(t *testing.T, id string) {
	t.Helper()
	response := h.Request(t, h.loggedIn(t, id), "DELETE", "/users/me", "")
	got := servicetest.Decode[erasureState](t, response, http.StatusAccepted)
	if want := "/api/v1/auth/erasures/" + id; got.Status != Deleting || response.Header.Get("Location") != want {
		t.Fatalf("DELETE: got %+v and Location %q, want DELETING and %q", got, response.Header.Get("Location"), want)
	}
}

// deliverErased delivers the answer of a service to deleting.user and returns the status that the sidecar gets.
func (h harness) deliverErased(t *testing.T, id, service string) string {
	t.Helper()
	return servicetest.DeliverFrom(t, h.API, service, event.DeletingUserResponse,
		event.UserErasure{UserID: id, Version: 3, Service: service, Outcome: event.UserErased})
}

func (h harness) erasure(t *testing.T, id string) erasureState {
	t.Helper()
	return servicetest.Decode[erasureState](t, h.Request(t, anonymous, "GET", "/auth/erasures/"+id, ""), http.StatusOK)
}

func TestErasureCompletesWhenEveryServiceHasAnswered(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	session, _ := h.logIn(t, "ana@example.com", password)
	if got := h.Request(t, anonymous, "GET", "/auth/erasures/"+id, ""); got.Code != http.StatusNotFound {
		t.Errorf("GET of an erasure that has not begun: got %d, want 404", got.Code)
	}
	h.beginErasureOf(t, id)
	h.beginErasureOf(t, id) // a repetition gets the progress
	requests := servicetest.Events(t, h.sidecar, "accounts", event.DeletingUser)
	if len(requests) != 1 || requests[0] != (event.UserToErase{UserID: id, Version: 3}) {
		t.Fatalf("got events %+v, want one with version 3", requests)
	}
	if _, code := h.logIn(t, "ana@example.com", password); code != http.StatusForbidden {
		t.Errorf("login while DELETING: got %d, want 403", code)
	}
	if _, code := h.refresh(t, session.RefreshToken, ""); code != http.StatusUnauthorized {
		t.Errorf("refresh while DELETING: got %d, want 401", code)
	}
	if got := h.register(t, "ana@example.com", password); got.Code != http.StatusConflict {
		t.Errorf("registration while DELETING: got %d, want 409", got.Code)
	}
	for _, service := range []string{"user", "user"} { // a repeated answer does not count twice
		if got := h.deliverErased(t, id, service); got != "SUCCESS" {
			t.Fatalf("answer of %s: got %s, want SUCCESS", service, got)
		}
	}
	if got := h.erasure(t, id); got.Status != Deleting {
		t.Fatalf("after the answer of user: got %+v, want DELETING", got)
	}
	for _, service := range []string{"order", "order", "user"} {
		if got := h.deliverErased(t, id, service); got != "SUCCESS" {
			t.Fatalf("answer of %s: got %s, want SUCCESS", service, got)
		}
	}
	if got := h.erasure(t, id); got.Status != Erased || got.CompletedAt.IsZero() {
		t.Errorf("after all answers: got %+v, want ERASED with its time", got)
	}
}

func TestErasedAccountHoldsNoPersonalData(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	h.logIn(t, "ana@example.com", password)
	account, err := h.documents.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	h.beginErasureOf(t, id)
	if _, err := h.pool.Exec(t.Context(), `insert into dead_letters (id, topic, subject, reason, attempts, payload)
		values (gen_random_uuid(), 'creating.user.response', $1, 'x', 1, '')`, id); err != nil {
		t.Fatal(err)
	}
	h.deliverErased(t, id, "user")
	h.deliverErased(t, id, "order")
	var letters int
	if err := h.pool.QueryRow(t.Context(), `select count(*) from dead_letters`).Scan(&letters); err != nil || letters != 0 {
		t.Errorf("got %d dead letters, %v, want none", letters, err)
	}
	var kept string
	if err := h.pool.QueryRow(t.Context(), `select convert_from(value, 'UTF8') from state where key = $1`,
		"account-"+id).Scan(&kept); err != nil {
		t.Fatal(err)
	}
	for _, personal := range []string{"ana@", account.PasswordHash, account.Fingerprint} {
		if personal == "" || strings.Contains(kept, personal) {
			t.Errorf("the tombstone contains %q: %s", personal, kept)
		}
	}
	var families int
	if err := h.pool.QueryRow(t.Context(), `select count(*) from refresh_families`).Scan(&families); err != nil || families != 0 {
		t.Errorf("got %d sessions, %v, want none", families, err)
	}
	if _, code := h.logIn(t, "ana@example.com", password); code != http.StatusUnauthorized {
		t.Errorf("login: got %d, want 401", code)
	}
	h.deliverOutcome(t, id, event.UserCreated, "") // a late answer to the registration
	if got := h.erasure(t, id); got.Status != Erased {
		t.Errorf("after a late answer to the registration: got %+v, want ERASED", got)
	}
	if again := h.registerActive(t, "ana@example.com"); again == id {
		t.Error("a new registration got the id of the erased account")
	}
	if _, code := h.logIn(t, "ana@example.com", password); code != http.StatusOK {
		t.Errorf("login of the new account: got %d, want 200", code)
	}
}

// The same e-mail under the same key would get the id of the erased account, which must never be used again.
func TestErasedAccountIsNotRegisteredAgainUnderItsKey(t *testing.T) {
	h := newHarness(t)
	first := servicetest.Decode[registrationState](t, h.register(t, "ana@example.com", password, "Idempotency-Key", "k"), http.StatusAccepted)
	h.deliverOutcome(t, first.UserID, event.UserCreated, "")
	h.beginErasureOf(t, first.UserID)
	h.deliverErased(t, first.UserID, "user")
	h.deliverErased(t, first.UserID, "order")
	if got := h.register(t, "ana@example.com", password, "Idempotency-Key", "k"); got.Code != http.StatusUnprocessableEntity {
		t.Errorf("got %d, want 422", got.Code)
	}
}

// A token that a thief has found must not erase an account: only the token of a login in the last 5 minutes can.
func TestErasureNeedsTheTokenOfARecentLogin(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	challenged := func(t *testing.T, response servicetest.Response) {
		t.Helper()
		challenge := response.Header.Get("WWW-Authenticate")
		if response.Code != http.StatusUnauthorized || !strings.Contains(challenge, `error="insufficient_user_authentication"`) {
			t.Errorf("got %d %q, want 401 with insufficient_user_authentication", response.Code, challenge)
		}
	}
	challenged(t, h.Request(t, servicetest.Person{ID: id, Roles: []string{token.Customer}}, "DELETE", "/users/me", ""))
	session, _ := h.logIn(t, "ana@example.com", password)
	refreshed, _ := h.refresh(t, session.RefreshToken, "")
	bearer := func(access string) servicetest.Response {
		return h.Request(t, anonymous, "DELETE", "/users/me", "", "Authorization", "Bearer "+access)
	}
	challenged(t, bearer(refreshed.AccessToken))
	h.clock.Advance(maxLoginAge + time.Second)
	challenged(t, bearer(session.AccessToken))
	h.clock.Advance(-maxLoginAge)
	if got := bearer(session.AccessToken); got.Code != http.StatusAccepted {
		t.Errorf("with the token of the login: got %d %s, want 202", got.Code, got.Body)
	}
}

func TestLastAdminCannotEraseItself(t *testing.T) {
	h := newHarness(t)
	ids := [2]string{h.registerAdmin(t, "one@example.com").ID, h.registerAdmin(t, "two@example.com").ID}
	codes := make(chan int, len(ids))
	for _, id := range ids { // both at once
		go func() { codes <- h.Request(t, h.loggedIn(t, id, token.Admin), "DELETE", "/users/me", "").Code }()
	}
	first, second := <-codes, <-codes
	if min(first, second) != http.StatusAccepted || max(first, second) != http.StatusConflict {
		t.Errorf("got %d and %d, want 202 and 409", first, second)
	}
}

func TestAnswersThatContradictAreDeadLetters(t *testing.T) {
	h := newHarness(t)
	active := h.registerActive(t, "ana@example.com")
	h.logIn(t, "ana@example.com", password)
	deleting := h.registerActive(t, "eva@example.com")
	h.beginErasureOf(t, deleting)
	for name, answer := range map[string]event.UserErasure{
		"an ACTIVE account":  {UserID: active, Service: "user", Outcome: event.UserErased},
		"no account":         {UserID: uuid.NewString(), Service: "user", Outcome: event.UserErased},
		"not an id":          {UserID: "x", Service: "user", Outcome: event.UserErased},
		"an unknown service": {UserID: deleting, Service: "product", Outcome: event.UserErased},
		"an unknown outcome": {UserID: deleting, Service: "user", Outcome: "refused"},
	} {
		if got := servicetest.DeliverFrom(t, h.API, answer.Service, event.DeletingUserResponse, answer); got != "DROP" {
			t.Errorf("%s: got %s, want DROP", name, got)
		}
	}
	forOrder := event.UserErasure{UserID: deleting, Service: "order", Outcome: event.UserErased}
	if got := servicetest.DeliverFrom(t, h.API, "user", event.DeletingUserResponse, forOrder); got != "DROP" {
		t.Errorf("user answers for order: got %s, want DROP", got)
	}
	var families int
	if err := h.pool.QueryRow(t.Context(), `select count(*) from refresh_families`).Scan(&families); err != nil || families != 1 {
		t.Errorf("got %d sessions, %v, want the one of the ACTIVE account", families, err)
	}
}

func TestUnansweredErasuresAreAnnouncedAgainWithoutEnd(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	h.beginErasureOf(t, id)
	timing := recovery.Timing{After: 30 * time.Second, GiveUp: time.Minute, Every: time.Second}
	for _, step := range []struct {
		later     time.Duration
		announced int
	}{{29 * time.Second, 1}, {9 * time.Second, 2}, {0, 2}, {time.Hour, 3}, {time.Hour, 4}} {
		h.later(t, step.later)
		if err := h.recoverErasures(t.Context(), timing); err != nil {
			t.Fatal(err)
		}
		if err := h.recoverRegistrations(t.Context(), timing); err != nil { // leaves the account alone
			t.Fatal(err)
		}
		requests := servicetest.Events(t, h.sidecar, "accounts", event.DeletingUser)
		if len(requests) != step.announced || requests[len(requests)-1] != (event.UserToErase{UserID: id, Version: 3}) {
			t.Fatalf("at %s: got %+v, want %d of version 3", h.clock.Now(), requests, step.announced)
		}
	}
	h.deliverErased(t, id, "order")
	h.deliverErased(t, id, "user")
	h.later(t, time.Hour)
	if err := h.recoverErasures(t.Context(), timing); err != nil {
		t.Fatal(err)
	}
	if got := len(servicetest.Events(t, h.sidecar, "accounts", event.DeletingUser)); got != 4 {
		t.Errorf("after the answers: got %d events, want 4 still", got)
	}
}

// Admins and anonymous clients do not see an account that is being erased.
func TestErasingAccountIsHidden(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	h.beginErasureOf(t, id)
	admin := h.registerAdmin(t, "boss@example.com")
	for _, path := range []string{"/auth/registrations/" + id, "/auth/accounts/" + id + "/roles"} {
		if got := h.Request(t, admin, "GET", path, ""); got.Code != http.StatusNotFound {
			t.Errorf("GET %s: got %d, want 404", path, got.Code)
		}
	}
	if got := h.Request(t, admin, "PUT", "/auth/accounts/"+id+"/roles", `{"roles":["staff"]}`); got.Code != http.StatusNotFound {
		t.Errorf("PUT of roles: got %d, want 404", got.Code)
	}
	if got := h.Request(t, h.loggedIn(t, id), "GET", "/export/account", ""); got.Code != http.StatusNotFound {
		t.Errorf("export: got %d, want 404", got.Code)
	}
}

// An answer for an account that is not being erased is a contradiction.
func TestAnswersApplyOnlyToErasures(t *testing.T) {
	now := time.Now()
	for _, status := range []Status{Pending, Active, Rejected} {
		account := Account{ID: "a", Status: status}
		if changed, err := account.ApplyErasure("user", now); changed || !errors.Is(err, errNotDeleting) || account.Status != status {
			t.Errorf("%s: got %v, %v and %s, want errNotDeleting", status, changed, err, account.Status)
		}
		account.Epoch = 1
		_, err := account.BeginErasure(true, "", now)
		if status == Active && (err != nil || account.Epoch != 2) {
			t.Errorf("an ACTIVE account: got %v and epoch %d, want 2: its tokens end", err, account.Epoch)
		}
		if status != Active && !fault.Is(err, fault.KindNotFound) {
			t.Errorf("%s: erasure: got %v, want NotFound", status, err)
		}
	}
}

package journey

import (
	"net/http"
	"strings"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

func TestRegistrationCreatesAccountAndProfile(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, person := t.Context(), scenario.NewPerson()

	answer := post(t, s.Anonymous, "/auth/register", person)
	if answer.Status != http.StatusAccepted {
		t.Fatalf("registration: got %d, want 202: %s", answer.Status, answer.Body)
	}
	location := answer.Header.Get("Location")
	id, found := strings.CutPrefix(location, "/api/v1/auth/registrations/")
	if !found {
		t.Fatalf("Location: got %q, want /api/v1/auth/registrations/...", location)
	}
	got := scenario.Try(s.Anonymous.Registration(ctx, id, scenario.SagaTimeout)).OrFail(t)
	if want := (client.Registration{UserID: id, Status: client.AccountActive}); got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}

	ana := scenario.Try(s.Anonymous.Login(ctx, person.Email, person.Password)).OrFail(t)
	me := scenario.Try(ana.Me(ctx)).OrFail(t)
	if me.ID != id || me.Email != person.Email || me.Name != person.Name || me.Phone != person.Phone {
		t.Errorf("profile: got %+v, want %+v", me, person)
	}
	if me.Address == nil || *me.Address != *person.Address {
		t.Errorf("address: got %+v, want %+v", me.Address, person.Address)
	}
}

// A verified phone number belongs to one person, in any notation. The e-mail of a registration that was rejected for its phone is free
// again.
func TestRegistrationWithATakenPhoneIsRejected(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, first := t.Context(), s.Customer()
	s.VerifyPhone(first)

	second := scenario.NewPerson()
	second.Phone = "00" + first.Person.Phone[1:3] + " " + first.Person.Phone[3:6] + " " + first.Person.Phone[6:]
	begun := scenario.Try(s.Anonymous.Register(ctx, second)).OrFail(t)
	got := scenario.Try(s.Anonymous.Registration(ctx, begun.UserID, scenario.SagaTimeout)).OrFail(t)
	if got.Status != client.AccountRejected || got.Reason != "phone_taken" {
		t.Fatalf("got %+v, want REJECTED for phone_taken", got)
	}
	refused(s.Anonymous.Login(ctx, second.Email, second.Password)).want(t, http.StatusForbidden)
	refused(s.Admin.User(ctx, begun.UserID)).want(t, http.StatusNotFound)

	second.Phone = scenario.NewPerson().Phone
	again := s.Register(second)
	if again.ID == begun.UserID {
		t.Error("the second attempt has the id of the first")
	}
}

func TestRegistrationWithATakenEmailIsRefused(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	first := s.Customer()

	second := scenario.NewPerson()
	second.Email = strings.ToUpper(first.Person.Email)
	refused(s.Anonymous.Register(t.Context(), second)).want(t, http.StatusConflict)
}

// An unverified number blocks no one, so it cannot be squatted. If several profiles have the number, only one of them can be verified.
func TestUnverifiedPhoneBlocksNoOne(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	cook, squatter := s.Staff(), s.Customer()
	person := scenario.NewPerson()
	person.Phone = squatter.Person.Phone
	owner := s.Register(person)
	if err := cook.VerifyPhone(t.Context(), owner.ID, person.Phone); err != nil {
		t.Fatalf("verify the owner's number: got %v", err)
	}
	wantProblem(t, cook.VerifyPhone(t.Context(), squatter.ID, person.Phone), http.StatusConflict)
	wantProblem(t, squatter.VerifyPhone(t.Context(), squatter.ID, person.Phone), http.StatusForbidden)
	if err := cook.EndPhoneVerification(t.Context(), owner.ID); err != nil {
		t.Fatalf("end the verification: got %v", err)
	}
	if err := cook.VerifyPhone(t.Context(), squatter.ID, person.Phone); err != nil {
		t.Errorf("verify the number for its new owner: got %v", err)
	}
}

// Of several simultaneous registrations with the same e-mail, one is accepted.
func TestOneOfManyRegistrationsGetsTheEmail(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	email := scenario.NewPerson().Email
	outcomes := scenario.Try(concurrently(6, func(int) (int, error) {
		person := scenario.NewPerson()
		person.Email = email
		answer, err := s.Anonymous.Do(t.Context(), client.Request{Method: http.MethodPost, Path: "/auth/register", Body: person})
		return answer.Status, err
	})).OrFail(t)
	if countEqual(outcomes, http.StatusAccepted) != 1 || countEqual(outcomes, http.StatusConflict) != 5 {
		t.Errorf("six registrations with one e-mail: got %v, want one 202, five 409", outcomes)
	}
}

func TestUnknownRegistrationIsNotFound(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	for _, id := range []string{"00000000-0000-4000-8000-000000000000", "no-uuid"} {
		refused(s.Anonymous.Registration(t.Context(), id, 0)).want(t, http.StatusNotFound)
	}
}

package privacy

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"comanda/services/event"
	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// Personal data is only in the tables of the services that own it, on creating.user, and in the dead letters of user. After the erasure,
// and once no order is open, it is in no table. Secrets are in no table, on no topic and in no log.
func TestPersonalDataAndSecretsStayWhereTheyBelong(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: it starts the whole system")
	}
	sys := system.Start(t, system.Options{Settings: map[string]string{"LOG_LEVEL": "debug"}})
	s := scenario.New(t, sys.URL, sys.AdminEmail, sys.AdminPassword)
	ana, cook, dish := newPerson(s), s.Staff(), s.Dish(1000, 500)
	open := useEverything(t, sys, s, &ana, cook, dish)
	checkExport(t, &ana)
	wantOnlyInTables(t, sys, &ana, []string{"auth public.state", "order public.state", "user public.dead_letters", "user public.state"})

	erase(t, s, &ana, dish)
	wantTables(t, sys, &ana, []string{"order public.state"}, "while an order is open") // the kitchen needs the address
	for _, step := range []string{client.Ready, client.OutForDelivery, client.Delivered} {
		scenario.Try(cook.Advance(t.Context(), open, step)).OrFail(t)
	}
	wantOnlyInTables(t, sys, &ana, nil)
	wantNoPersonInTimelines(t, s, &ana, cook, open)
	wantNoSecret(t, sys, s, &ana)

	again := s.Register(ana.Person) // the e-mail and the phone are free
	if again.ID == ana.ID {
		t.Error("the new account has the id of the erased one")
	}
}

// wantNoPersonInTimelines checks that no step names an erased person, and that the registration's timeline has only the steps of the
// erasure.
func wantNoPersonInTimelines(t *testing.T, s *scenario.Scenario, ana *person, cook scenario.User, order string) {
	t.Helper()
	steps := scenario.Try(cook.Timeline(t.Context(), order)).OrFail(t).Steps
	registration := scenario.Try(s.Admin.RegistrationTimeline(t.Context(), ana.ID)).OrFail(t)
	if registration.Find("registered").Count != 0 || registration.Find("profile_created").Count != 0 || registration.Find("erased").Count != 1 {
		t.Errorf("got %s\nwant the erasure and no step of the registration", registration)
	}
	for _, step := range append(steps, registration.Steps...) {
		if step.Actor.ID == ana.ID {
			t.Errorf("got the step %+v, want no erased person in it", step)
		}
	}
}

// checkExport checks that the export has all personal data, the orders and a session.
func checkExport(t *testing.T, ana *person) {
	t.Helper()
	export := scenario.Try(ana.Export(t.Context(), "")).OrFail(t)
	if export.Profile.Email != ana.Person.Email || len(export.Orders) != 4 || len(export.Sessions) < 1 || export.NextCursor != "" {
		t.Errorf("got the export %+v, want the profile, 4 orders and a session", export)
	}
	text, err := json.Marshal(export)
	if err != nil {
		t.Fatal(err)
	}
	for what, marker := range ana.personal() {
		if !strings.Contains(string(text), marker) {
			t.Errorf("the export lacks the %s", what)
		}
	}
}

// erase erases the account, waits until that is complete, and checks that the person can no longer use the account.
func erase(t *testing.T, s *scenario.Scenario, ana *person, dish client.Product) {
	t.Helper()
	ctx := t.Context()
	refreshed := client.Session{AccessToken: ana.tokens[4]} // of the Refresh in useEverything
	if _, err := s.Anonymous.As(refreshed).Erase(ctx); client.Status(err) != http.StatusUnauthorized {
		t.Errorf("with the token of a refresh: got %v, want 401", err)
	}
	for range 2 { // a repeated request is answered again
		if begun := scenario.Try(ana.Erase(ctx)).OrFail(t); begun.UserID != ana.ID {
			t.Errorf("got %+v, want the erasure of %s", begun, ana.ID)
		}
	}
	if done := scenario.Try(s.Anonymous.Erasure(ctx, ana.ID, scenario.SagaTimeout)).OrFail(t); done.Status != client.AccountErased {
		t.Fatalf("got %+v, want ERASED", done)
	}
	for what, want := range map[string]struct {
		err    error
		status int
	}{
		"login":   {second(s.Anonymous.Login(ctx, ana.Person.Email, ana.Person.Password)), http.StatusUnauthorized},
		"refresh": {second(s.Anonymous.Refresh(ctx, ana.Session.RefreshToken)), http.StatusUnauthorized},
		"profile": {second(ana.Me(ctx)), http.StatusNotFound},
		"export":  {second(ana.Export(ctx, "")), http.StatusNotFound},
		"order":   {second(ana.Order(ctx, ana.basket(dish))), http.StatusForbidden},
	} {
		if got := client.Status(want.err); got != want.status {
			t.Errorf("%s after the erasure: got %v, want %d", what, want.err, want.status)
		}
	}
	scenario.Try(ana.Erase(ctx)).OrFail(t) // also after it is complete
}

// second returns the second result of a call: its error.
func second[T any](_ T, err error) error { return err }

// wantOnlyInTables checks that personal data is in the given tables, in no log, and on no topic but creating.user and user's dead letters.
func wantOnlyInTables(t *testing.T, sys *system.System, ana *person, in []string) {
	t.Helper()
	wantTables(t, sys, ana, in, "")
	ofLogs, ofTopics := scenario.Try(logs(sys)).OrFail(t), scenario.Try(topics(t.Context(), sys.Kafka.Brokers())).OrFail(t)
	if got := found(ofLogs, ana.ID); len(got) == 0 {
		t.Error("no log has the account's id: the search is broken")
	}
	if got := found(ofTopics, ana.Person.Email); !slices.Contains(got, event.CreatingUser.Name) {
		t.Errorf("the e-mail is on the topics %v, want creating.user among them: the search is broken", got)
	}
	for what, marker := range map[string]string{"contested e-mail": ana.contested.Email, "contested phone": ana.contested.Phone} {
		if got := found(ofLogs, marker); len(got) > 0 {
			t.Errorf("the %s is in the logs %v", what, got)
		}
	}
	for what, marker := range ana.personal() {
		if got := found(ofLogs, marker); len(got) > 0 {
			t.Errorf("the %s is in the logs %v", what, got)
		}
		for _, topic := range found(ofTopics, marker) {
			if topic != event.CreatingUser.Name && topic != event.DeadLetters("user") {
				t.Errorf("the %s is on the topic %s", what, topic)
			}
		}
	}
}

// wantTables waits until personal data is in exactly the given tables.
func wantTables(t *testing.T, sys *system.System, ana *person, in []string, when string) {
	t.Helper()
	scenario.Eventually(t, "personal data is only where it belongs "+when, func(ctx context.Context) error {
		all, err := tables(ctx, sys)
		if err != nil {
			return err
		}
		holders := map[string]bool{}
		for _, marker := range ana.personal() {
			for _, table := range found(all, marker) {
				holders[table] = true
			}
		}
		got := []string{}
		for table := range holders {
			got = append(got, table)
		}
		slices.Sort(got)
		if !slices.Equal(got, append([]string{}, in...)) {
			return fmt.Errorf("tables with personal data: got %v, want %v", got, in)
		}
		return nil
	})
}

// wantNoSecret checks that passwords, tokens and keys are in no log, on no topic and in no table.
func wantNoSecret(t *testing.T, sys *system.System, s *scenario.Scenario, ana *person) {
	t.Helper()
	places := slices.Concat(scenario.Try(logs(sys)).OrFail(t), scenario.Try(topics(t.Context(), sys.Kafka.Brokers())).OrFail(t),
		scenario.Try(tables(t.Context(), sys)).OrFail(t))
	secrets := map[string]string{
		"password": ana.Person.Password, "admin's password": sys.AdminPassword, "JWT key": sys.JWTSecret, "app token": sys.AppToken,
		"API token": sys.APIToken, "admin's access token": s.Admin.Session.AccessToken, "admin's refresh token": s.Admin.Session.RefreshToken,
	}
	for i, token := range ana.tokens {
		secrets[fmt.Sprintf("token %d", i)] = token
	}
	for what, secret := range secrets {
		if got := found(places, secret); secret == "" || len(got) > 0 {
			t.Errorf("the %s is in %v", what, got)
		}
	}
}

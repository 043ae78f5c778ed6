package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/token"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func pendingAccount() Account {
	return NewAccount("1", Registration{Email: "ana@example.com", Name: "Ana"}, "hash", []string{token.Customer}, noon)
}

func decidedAccount(status Status, reason string) Account {
	a := pendingAccount()
	a.decide(status, reason, noon)
	return a
}

func TestApplyOutcome(t *testing.T) {
	created := event.UserOutcome{Outcome: event.UserCreated}
	rejected := event.UserOutcome{Outcome: event.UserRejected, Reason: event.ReasonPhoneTaken}
	for name, tc := range map[string]struct {
		before  Account
		outcome event.UserOutcome
		status  Status
		reason  string
		write   bool
		topic   string
	}{
		"created":       {pendingAccount(), created, Active, "", true, ""},
		"rejected":      {pendingAccount(), rejected, Rejected, event.ReasonPhoneTaken, true, ""},
		"created again": {decidedAccount(Active, ""), created, Active, "", false, ""},
		"rejected again": {decidedAccount(Rejected, event.ReasonPhoneTaken), rejected, Rejected, event.ReasonPhoneTaken,
			false, ""},
		"rejected after created": {decidedAccount(Active, ""), rejected, Active, "", false, ""},
		"created after it timed out": {decidedAccount(Rejected, reasonTimedOut), created, Rejected, reasonTimedOut, true,
			"creating.user.cancelled"},
	} {
		a := tc.before
		message, write := a.ApplyOutcome(tc.outcome, noon.Add(time.Second))
		if a.Status != tc.status || a.Reason != tc.reason || write != tc.write || message.Topic != tc.topic {
			t.Errorf("%s: got status %s, reason %q, write %v, topic %q, want %s, %q, %v, %q", name, a.Status, a.Reason, write,
				message.Topic, tc.status, tc.reason, tc.write, tc.topic)
		}
		if a.Status != Pending && a.Applicant != nil {
			t.Errorf("%s: the account still holds the applicant's personal data", name)
		}
	}
}

func TestOnlyPendingAccountsAreRecovered(t *testing.T) {
	now := noon.Add(time.Hour)
	for _, a := range []Account{pendingAccount(), decidedAccount(Active, ""), decidedAccount(Rejected, "phone_taken")} {
		pending := a.Status == Pending
		if _, ok := a.AnnounceAgain(a.Announced+1, now); ok {
			t.Errorf("%s: announced again although another replica did", a.Status)
		}
		message, ok := a.AnnounceAgain(a.Announced, now)
		if ok != pending || ok && (message.Topic != "creating.user" || !a.AnnouncedAt.Equal(now) || a.Version != 1) {
			t.Errorf("%s: announced again %v, want %v, message %+v", a.Status, ok, pending, message)
		}
		message, ok = a.GiveUp(now)
		if ok != pending || ok && (message.Topic != "creating.user.cancelled" || a.Status != Rejected || a.Reason != reasonTimedOut) {
			t.Errorf("%s: given up %v, want %v, message %+v", a.Status, ok, pending, message)
		}
	}
}

func TestGrantRoles(t *testing.T) {
	a := decidedAccount(Active, "")
	if !a.GrantRoles([]string{token.Customer, token.Staff}, noon) || a.Epoch != 2 || a.Version != 3 {
		t.Fatalf("after new roles: got %+v, want epoch 2 and version 3", a)
	}
	if a.GrantRoles([]string{token.Customer, token.Staff}, noon) || a.Epoch != 2 {
		t.Fatal("granting the same roles again invalidates the refresh tokens")
	}
}

func TestCheckRoles(t *testing.T) {
	for name, tc := range map[string]struct {
		roles, want []string
		wrong       string
	}{
		"none":             {[]string{}, []string{token.Customer}, ""},
		"customer is kept": {[]string{token.Staff}, []string{token.Customer, token.Staff}, ""},
		"order is fixed":   {[]string{token.Admin, token.Customer}, []string{token.Customer, token.Admin}, ""},
		"absent":           {nil, nil, "roles"},
		"unknown":          {[]string{token.Staff, "king"}, nil, "roles[1]"},
		"twice":            {[]string{token.Staff, token.Staff}, nil, "roles[1]"},
		"more than exist":  {[]string{"a", "b", "c", "d"}, nil, "roles"},
	} {
		got, err := checkRoles(tc.roles)
		if !slices.Equal(got, tc.want) || wrongFields(err) != tc.wrong {
			t.Errorf("%s: got %v, wrong fields %q (%v), want %v, %q", name, got, wrongFields(err), err, tc.want, tc.wrong)
		}
	}
}

func wrongFields(err error) string {
	if err == nil {
		return ""
	}
	var names []string
	for _, field := range fault.From(err).Fields {
		names = append(names, field.Field)
	}
	return strings.Join(names, " ")
}

func TestRegistrationCheck(t *testing.T) {
	number := "0034 600 111 222"
	got, err := Registration{Email: " Ana@Example.COM ", Password: "a good secret", Name: " Ana ", Phone: &number,
		Address: &event.Address{Street: "Calle 1", City: "León", PostalCode: "24001", Country: "es"}}.Check()
	if err != nil || got.Email != "ana@example.com" || got.Name != "Ana" || got.phone() != "+34600111222" ||
		got.Address.Country != "ES" {
		t.Fatalf("a valid registration: got %+v, %v", got, err)
	}
	number = "112"
	_, err = Registration{Phone: &number, Address: &event.Address{}}.Check()
	const want = "email password name phone address.street address.city address.postalCode address.country"
	if names := wrongFields(err); names != want {
		t.Fatalf("got wrong fields %s, want %s", names, want)
	}
	for password, good := range map[string]bool{
		"7 bytes": false, "8 bytes!": true, "ñandú#": true, "ñandú": false, // measured in bytes
		longPassword: true, longPassword + "x": false, longPassword[:70] + "éé": false, longPassword[:70] + "e\u0301": true,
	} {
		_, err := Registration{Email: "ana@example.com", Name: "Ana", Password: password}.Check()
		if (err == nil) != good {
			t.Errorf("password of %d bytes: got %v, want accepted %v", len(password), err, good)
		}
	}
}

func TestLoginEmailKeepsOldAccounts(t *testing.T) {
	label := strings.Repeat("b", 186)
	for address, want := range map[string]string{
		" ANA@Example.com": "ana@example.com", "JOSE\u0301@example.es": "josé@example.es",
		"ana@BÜCHER.example": "ana@xn--bcher-kva.example",
		// Accepted before there was a canonical form.
		"😀@Example.com": "😀@example.com", "ana@my_host.example": "ana@my_host.example",
		"ana@" + label + ".es": "ana@" + label + ".es",
		"":                     "", "ana": "", "Ana <ana@example.com>": "", "a na@example.com": "", "ana\x00@example.com": "",
		"a\u202ena@example.com": "",
	} {
		got, ok := loginEmail(address)
		if got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %v, want %q", address, got, ok, want)
		}
	}
}

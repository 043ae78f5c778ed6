package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"comanda/services/internal/audit"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

// The begin and the end of a verification leave one entry each, however often the request is repeated. An entry has the actor, the profile,
// the client's network, and the state before and after, but not the number. An owner who changes or removes a verified number ends the
// verification too.
func TestEveryVerificationIsInTheAuditTrail(t *testing.T) {
	const number, address = "+34600111222", "192.0.2.1/32"
	h := newHarness(t)
	ana := profileRequest(number)
	h.deliverRequest(t, ana)
	path, boss := "/users/"+ana.UserID+"/phone-verification", servicetest.Person{ID: uuid.NewString(), Roles: []string{token.Admin}}
	send := func(who servicetest.Person, method, path, body string, want int) {
		t.Helper()
		if got := h.Request(t, who, method, path, body, rest.ClientHeader, address); got.Code != want {
			t.Fatalf("%s %s: got %d %s, want %d", method, path, got.Code, got.Body, want)
		}
	}
	verify := func(number string) {
		t.Helper()
		send(waiter, "PUT", path, `{"phone":"`+number+`"}`, 200)
	}
	edit := func(body string) { t.Helper(); send(customer(ana.UserID), "PATCH", "/users/me", body, 200) }

	send(waiter, "DELETE", path, "", 204) // nothing to end
	h.sidecar.LoseNextAnswer()
	verify(number)
	verify(number)
	edit(`{"name":"Ana B"}`)
	send(boss, "DELETE", path, "", 204)
	send(boss, "DELETE", path, "", 204)
	verify(number)
	edit(`{"phone":"+34600111333"}`)
	verify("+34600111333")
	edit(`{"phone":null}`)

	var got []string
	trail := servicetest.Decode[rest.List[audit.Entry]](t, h.Request(t, boss, "GET", "/audit/user?subject="+ana.UserID, ""), 200)
	for _, e := range slices.Backward(trail.Items) {
		actor := map[string]string{waiter.ID: "waiter", boss.ID: "boss", ana.UserID: "ana"}[e.Actor]
		got = append(got, fmt.Sprint(e.Action, " by ", actor, " from ", e.Address, ": ", string(e.Before), " to ", string(e.After)))
	}
	begun := "profile.phone_verified by waiter from " + address + `: {"phoneVerified":false} to {"phoneVerified":true}`
	ended := func(actor string) string {
		return "profile.phone_verification_ended by " + actor + " from " + address + `: {"phoneVerified":true} to {"phoneVerified":false}`
	}
	want := []string{begun, ended("boss"), begun, ended("ana"), begun, ended("ana")}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

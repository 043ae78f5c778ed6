package main

import (
	"fmt"
	"testing"

	"comanda/services/internal/servicetest"
)

// setRolesOf sends the roles of an account as an admin and returns the status code.
func (h harness) setRolesOf(t *testing.T, admin servicetest.Person, id, roles string) int {
	t.Helper()
	return h.Request(t, admin, "PUT", "/auth/accounts/"+id+"/roles", `{"roles":[`+roles+`]}`).Code
}

// setStatusOf sends the status of an account as an admin and returns the status code.
func (h harness) setStatusOf(t *testing.T, admin servicetest.Person, id, status string) int {
	t.Helper()
	return h.Request(t, admin, "PUT", "/auth/accounts/"+id+"/status", `{"status":"`+status+`"}`).Code
}

func TestTheLastAdminKeepsTheRole(t *testing.T) {
	h := newHarness(t)
	boss, ben := h.registerAdmin(t, "boss@example.com").ID, h.registerActive(t, "ben@example.com")
	pending := h.registerPending(t, "carl@example.com")
	for _, step := range []struct {
		by, id, change string // roles or a status
		want           int
	}{
		{boss, boss, `"customer"`, 409},
		{boss, boss, "SUSPENDED", 409},
		{boss, pending, `"admin"`, 200}, // not ACTIVE yet, so it does not count
		{boss, boss, `"staff"`, 409},
		{boss, boss, `"staff","admin"`, 200}, // other roles may change
		{boss, ben, `"admin"`, 200},
		{boss, ben, "SUSPENDED", 200}, // a suspended admin does not count either
		{boss, boss, `"staff"`, 409},
		{boss, boss, "SUSPENDED", 409},
		{boss, ben, "ACTIVE", 200},
		{boss, boss, `"staff"`, 200},
		{ben, ben, `"customer"`, 409},
		{ben, ben, "SUSPENDED", 409},
		{ben, pending, `"customer"`, 200},
	} {
		change := h.setRolesOf
		if step.change[0] != '"' {
			change = h.setStatusOf
		}
		if got := change(t, h.caller(t, step.by), step.id, step.change); got != step.want {
			t.Errorf("%s: got %d, want %d", step.change, got, step.want)
		}
	}
}

// Two admins who give up the role at the same time do not each rely on the other, and two who demote each other do not both succeed.
func TestOneOfTwoAdminsRemains(t *testing.T) {
	h := newHarness(t)
	type act func(t *testing.T, admin servicetest.Person, id, change string) int
	for name, tc := range map[string]struct {
		act     act
		change  string
		other   bool // each acts on the other
		refused int
	}{
		"resign":             {h.setRolesOf, `"customer"`, false, 409},
		"suspend themselves": {h.setStatusOf, "SUSPENDED", false, 409},
		"demote each other":  {h.setRolesOf, `"customer"`, true, 403},
		"suspend each other": {h.setStatusOf, "SUSPENDED", true, 403},
	} {
		for round := range 5 {
			admins := [2]servicetest.Person{h.registerAdmin(t, fmt.Sprintf("ana%d@example.com", round)),
				h.registerAdmin(t, fmt.Sprintf("ben%d@example.com", round))}
			codes := make(chan int)
			for i, admin := range admins {
				subject := admin.ID
				if tc.other {
					subject = admins[1-i].ID
				}
				go func() { codes <- tc.act(t, admin, subject, tc.change) }()
			}
			if one, other := <-codes, <-codes; one+other != 200+tc.refused {
				t.Errorf("%s: got %d and %d, want 200 and %d", name, one, other, tc.refused)
			}
			if _, err := h.pool.Exec(t.Context(), `delete from state`); err != nil { // the next round starts without admins
				t.Fatal(err)
			}
		}
	}
}

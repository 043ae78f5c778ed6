package main

import (
	"fmt"
	"testing"

	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

// setRolesOf sends the roles of an account as an admin and returns the status code.
func (h harness) setRolesOf(t *testing.T, id, roles string) int {
	t.Helper()
	boss := servicetest.Person{ID: "6a1e0c0a-0f53-4c0d-9d0c-5f0c1a2b3c4d", Roles: []string{token.Admin}}
	return h.Request(t, boss, "PUT", "/auth/accounts/"+id+"/roles", `{"roles":[`+roles+`]}`).Code
}

func TestTheLastAdminKeepsTheRole(t *testing.T) {
	h := newHarness(t)
	ana, ben := h.registerActive(t, "ana@example.com"), h.registerActive(t, "ben@example.com")
	pending := h.registerPending(t, "carl@example.com")
	for _, step := range []struct {
		id, roles string
		want      int
	}{
		{ana, `"admin"`, 200},
		{ana, `"customer"`, 409},
		{pending, `"admin"`, 200}, // not ACTIVE yet, so it does not count
		{ana, `"staff"`, 409},
		{ana, `"staff","admin"`, 200}, // other roles may change
		{ben, `"admin"`, 200},
		{ana, `"staff"`, 200},
		{ben, `"customer"`, 409},
		{pending, `"customer"`, 200},
	} {
		if got := h.setRolesOf(t, step.id, step.roles); got != step.want {
			t.Errorf("roles %s: got %d, want %d", step.roles, got, step.want)
		}
	}
}

// Two admins who give up the role at once do not each count on the other.
func TestTwoAdminsCannotBothResign(t *testing.T) {
	h := newHarness(t)
	for round := range 10 {
		admins := []string{h.registerActive(t, fmt.Sprintf("ana%d@example.com", round)), h.registerActive(t, fmt.Sprintf("ben%d@example.com", round))}
		for _, id := range admins {
			if code := h.setRolesOf(t, id, `"admin"`); code != 200 {
				t.Fatalf("appoint: got %d, want 200", code)
			}
		}
		codes := make(chan int)
		for _, id := range admins {
			go func() { codes <- h.setRolesOf(t, id, `"customer"`) }()
		}
		if one, other := <-codes, <-codes; one+other != 200+409 {
			t.Fatalf("got %d and %d, want 200 and 409", one, other)
		}
		for _, id := range admins { // the next round starts without admins
			if _, err := h.pool.Exec(t.Context(), `delete from state where key = 'account-' || $1`, id); err != nil {
				t.Fatal(err)
			}
		}
	}
}

package journey

import (
	"strings"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// visit is a running system with a scenario in it. Every journey starts with one.
type visit struct {
	*system.System
	*scenario.Scenario
}

// arrive creates a scenario in s.
func arrive(t testing.TB, sys *system.System) *visit {
	t.Helper()
	return &visit{sys, scenario.New(t, sys.URL, sys.AdminEmail, sys.AdminPassword)}
}

// refused checks that a call was refused with this status, as problem+json, and returns the problem.
func refused[T any](_ T, err error) func(t testing.TB, status int) *client.Problem {
	return func(t testing.TB, status int) *client.Problem {
		t.Helper()
		return wantProblem(t, err, status)
	}
}

func wantProblem(t testing.TB, err error, status int) *client.Problem {
	t.Helper()
	problem := client.Refused(err)
	if problem == nil {
		t.Fatalf("got %v, want a %d", err, status)
	}
	if problem.Status != status {
		t.Fatalf("got %v, want a %d", problem, status)
	}
	if cause := problem.Unwrap(); cause != nil {
		t.Fatalf("%v: %v", problem, cause)
	}
	if !strings.HasPrefix(problem.Type, "/problems/") || problem.Title == "" {
		t.Errorf("the problem has no type or no title: %+v", problem)
	}
	return problem
}

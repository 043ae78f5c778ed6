package journey

import (
	"strings"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// visit is a system and the people in it: where every journey begins.
type visit struct {
	*system.System
	*scenario.Scenario
}

// arrive opens a town in s.
func arrive(t testing.TB, s *system.System) *visit {
	t.Helper()
	return &visit{s, scenario.New(t, s.URL, s.AdminEmail, s.AdminPassword)}
}

// refused wants a call to be refused with this status, as problem+json, and returns the refusal.
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
		t.Errorf("a problem without type or title: %+v", problem)
	}
	return problem
}

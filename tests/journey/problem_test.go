package journey

import (
	"net/http"
	"strings"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// post sends a POST request and returns the response.
func post(t testing.TB, by *client.Client, path string, body any) client.Response {
	t.Helper()
	return scenario.Try(by.Do(t.Context(), client.Request{Method: http.MethodPost, Path: path, Body: body})).OrFail(t)
}

// refusal is the outcome of a call that the system should refuse.
type refusal struct{ err error }

// refused wraps the outcome of a call: refused(ana.Cancel(...)).want(t, http.StatusConflict).
func refused[T any](_ T, err error) refusal { return refusal{err} }

// want checks that the call was refused with this status, as problem+json, and returns the problem.
func (r refusal) want(t testing.TB, status int) *client.Problem {
	t.Helper()
	return wantProblem(t, r.err, status)
}

// wantProblem checks that err is a problem document with this status and returns it.
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
		t.Fatalf("got %v, want a valid problem document: %v", problem, cause)
	}
	if !strings.HasPrefix(problem.Type, "/problems/") || problem.Title == "" {
		t.Errorf("problem: got %+v, want a type below /problems/ and a title", problem)
	}
	return problem
}

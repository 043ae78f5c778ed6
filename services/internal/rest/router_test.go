package rest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

const account = "6b9a8f5e-0b7e-4b0c-9d5f-0d2a3b1c4d5e"

var secret = token.Secret("0123456789abcdef0123456789abcdef")

func bearer(t *testing.T, roles ...string) string {
	t.Helper()
	text, err := secret.Sign(account, roles, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + text
}

func router(log *bytes.Buffer) http.Handler {
	showCaller := func(w http.ResponseWriter, r *http.Request) error {
		return rest.JSON(w, http.StatusOK, map[string]string{"id": rest.Param(r, "id"), "caller": token.From(r.Context()).Subject})
	}
	customer := rest.Only(token.Customer)
	return rest.Router(slog.New(slog.NewTextHandler(log, nil)), token.NewVerifier(secret), append([]rest.Route{
		{Method: "GET", Path: "/open", Access: rest.Anyone, Handle: showCaller},
		{Method: "GET", Path: "/login", Access: rest.Tokenless, Handle: showCaller},
		{Method: "POST", Path: "/things", Access: rest.Only(token.Staff, token.Admin), Handle: showCaller},
		{Method: "GET", Path: "/things", Access: customer, Handle: showCaller,
			Query: []string{"status", "limit"}, QueryLists: []string{"tag"}},
		{Method: "GET", Path: "/things/mine", Access: customer, Handle: showCaller},
		{Method: "GET", Path: "/things/{id}", Access: customer, Handle: showCaller},
		{Method: "PATCH", Path: "/things/{id}", Access: customer, Handle: showCaller},
		{Method: "POST", Path: "/only-posted", Access: rest.Only(token.Staff), Handle: showCaller},
		{Method: "GET", Path: "/staff", Access: rest.Only(token.Staff), Handle: showCaller},
		{Method: "GET", Path: "/forbidden", Access: rest.Anyone, Handle: func(http.ResponseWriter, *http.Request) error {
			return fault.Forbidden("not ACTIVE")
		}},
		{Method: "GET", Path: "/broken", Access: rest.Anyone, Handle: func(http.ResponseWriter, *http.Request) error {
			return errors.New("password=hunter2")
		}},
		{Method: "GET", Path: "/slow", Access: rest.Anyone, Limit: 10 * time.Millisecond,
			Handle: func(_ http.ResponseWriter, r *http.Request) error {
				<-r.Context().Done()
				return r.Context().Err()
			}},
	}, resourceRoutes()...))
}

// resourceRoutes are the routes of resources and documents with validators.
func resourceRoutes() []rest.Route {
	resource := func(at time.Time) rest.Handler {
		return func(w http.ResponseWriter, r *http.Request) error {
			current := rest.Validators{Tag: rest.VersionTag(3, 7), Modified: at}
			if r.Method == "PATCH" {
				condition, checked := rest.PreconditionOf(r), current
				if r.URL.Path == "/versioned" {
					condition, checked.Tag = condition.OnlyVersion(), rest.VersionTag(3)
				}
				if err := condition.Check(checked); err != nil {
					return err
				}
			}
			return rest.Resource(w, r, http.StatusOK, current, map[string]int{"version": 3})
		}
	}
	large := func(w http.ResponseWriter, _ *http.Request) error {
		return rest.JSON(w, http.StatusOK, strings.Repeat("x", 100_000))
	}
	document := func(w http.ResponseWriter, r *http.Request) error {
		return rest.Document(w, r, rest.List[string]{Items: []string{r.URL.RawQuery}})
	}
	return []rest.Route{
		{Method: "GET", Path: "/resource", Access: rest.Anyone, Handle: resource(resourceChanged)},
		{Method: "PATCH", Path: "/resource", Access: rest.Only(token.Customer), Handle: resource(resourceChanged), Versioned: true},
		{Method: "PATCH", Path: "/versioned", Access: rest.Only(token.Customer), Handle: resource(resourceChanged), Versioned: true},
		{Method: "GET", Path: "/just-now", Access: rest.Anyone, Handle: resource(time.Now().Add(time.Minute))},
		{Method: "GET", Path: "/large", Access: rest.Anyone, Handle: large},
		{Method: "GET", Path: "/document", Access: rest.Anyone, Handle: document, Query: []string{"limit"}},
	}
}

func TestRouterChecksAddressMethodAndToken(t *testing.T) {
	for _, tc := range []struct {
		method, path, authorization string
		want                        int
	}{
		{"GET", "/open", "", 200},
		{"GET", "/open", bearer(t, token.Customer), 200},
		{"GET", "/open", "Bearer nonsense", 401},
		{"GET", "/open", "Basic ZGFwci1hcHAtaWQ6b3JkZXI=", 401},
		{"GET", "/login", "", 200},
		{"GET", "/login", "Bearer expired", 200},
		{"GET", "/things/mine", "", 401},
		{"GET", "/things/mine", bearer(t), 403},
		{"GET", "/things/mine", bearer(t, token.Admin), 403},
		{"GET", "/things/mine", bearer(t, token.Customer), 200},
		{"POST", "/things", bearer(t, token.Customer), 403},
		{"POST", "/things", bearer(t, token.Admin), 200},
		{"DELETE", "/things", bearer(t, token.Admin), 405},
		{"GET", "/nowhere", "", 404},
		{"GET", "/things/", bearer(t, token.Customer), 404},
		{"GET", "//open", "", 404},
		{"GET", "/things/../open", "", 404},
		{"GET", "/things/a%2fb", bearer(t, token.Customer), 200}, // %2f does not separate path segments
		{"GET", "/slow", "", 503},
		{"GET", "/broken", "", 500},
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(tc.method, tc.path, nil)
		if tc.authorization != "" {
			r.Header.Set("Authorization", tc.authorization)
		}
		router(&bytes.Buffer{}).ServeHTTP(w, r)
		if w.Code != tc.want {
			t.Errorf("%s %s: got %d %s, want %d", tc.method, tc.path, w.Code, w.Body, tc.want)
		}
		if (w.Code == 503) != (w.Header().Get("Retry-After") != "") {
			t.Errorf("%s %s: got %d with Retry-After %q", tc.method, tc.path, w.Code, w.Header().Get("Retry-After"))
		}
	}
}

func TestProblemsHideTheCauseThatIsLogged(t *testing.T) {
	var log bytes.Buffer
	w := httptest.NewRecorder()
	router(&log).ServeHTTP(w, httptest.NewRequest("GET", "/broken", nil))
	var problem rest.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
		t.Fatal(err)
	}
	if problem.Type != "/problems/internal" || problem.Status != 500 || problem.Instance != "/broken" ||
		w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("got problem %+v", problem)
	}
	if strings.Contains(w.Body.String(), "hunter2") || !strings.Contains(log.String(), "hunter2") {
		t.Errorf("got body %s and log %s, want the cause in the log only", w.Body, &log)
	}
}

func TestEveryKindHasAProblemType(t *testing.T) {
	types := rest.ProblemTypes()
	if want := int(fault.KindUnavailable) + 1; len(types) != want {
		t.Errorf("got %d problem types, want %d", len(types), want)
	}
	for range 50 { // in another order, the list at /problems would have another entity tag
		if again := rest.ProblemTypes(); !slices.Equal(again, types) {
			t.Fatalf("got the types in another order: %v, then %v", types, again)
		}
	}
	for _, kind := range types {
		if kind.Title == "" || kind.Meaning == "" || kind.Status < 400 {
			t.Errorf("got incomplete problem type %+v", kind)
		}
	}
}

package servicetest

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"comanda/services/internal/consumer"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// Secret signs and checks the access tokens of tests.
var Secret = token.Secret("a secret that is 32 bytes long, or more")

// Cursors makes and reads the cursors of tests.
var Cursors = rest.NewCursors(token.Keys{Current: Secret})

// Person is a caller of an API. The zero value sends no token.
type Person struct {
	ID       string
	Roles    []string
	Session  string // the login that the token comes from
	Epoch    int    // of the account when the token was signed
	LoggedIn bool   // the token is that of a login, not of a refresh
}

// API is a service's handler of requests and events.
type API struct{ Handler http.Handler }

// NewAPI returns the API with a service's routes and subscriptions.
func NewAPI(routes []rest.Route, subscriptions []consumer.Route) API {
	log := slog.New(slog.DiscardHandler)
	router := rest.Router(log, token.NewVerifier(Secret), routes)
	consumer.Register(router, log, consumer.Table{Keys: EventKeys, Routes: subscriptions}, nil)
	return API{router}
}

// Request sends a request as caller. headers are pairs of name and value. The response must be one that the API's clients
// can read: a JSON object, or 204 or 304 without a body.
func (a API) Request(t testing.TB, caller Person, method, target, body string, headers ...string) Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if caller.ID != "" {
		claims := token.Claims{Roles: caller.Roles, Session: caller.Session, Epoch: caller.Epoch}
		if caller.LoggedIn {
			claims = claims.LoggedInAt(time.Now())
		}
		signed, err := Secret.SignClaims(caller.ID, claims, time.Now())
		if err != nil {
			t.Errorf("sign a token for %+v: %v", caller, err)
		}
		r.Header.Set("Authorization", "Bearer "+signed)
	}
	if !strings.HasPrefix(target, "/events/") { // an event is no call of a service
		r.Header.Set(rest.CallerHeader, "gateway")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.Handler.ServeHTTP(w, r)
	response := Response{Code: w.Code, Header: w.Header(), Body: w.Body.String()}
	if (w.Code == http.StatusNoContent || w.Code == http.StatusNotModified) && response.Body == "" {
		return response
	}
	if err := json.Unmarshal(w.Body.Bytes(), &response.Members); err != nil {
		t.Errorf("%s %s: got %d %s, want a JSON object", method, target, w.Code, w.Body) // Errorf also works in other goroutines
	}
	return response
}

// CalledBy returns the header of a request that the sidecar of another service sends. Without it a request comes from the gateway.
func CalledBy(service string) (headers []string) { return []string{rest.CallerHeader, service} }

// Response is the response to a request.
type Response struct {
	Code    int
	Header  http.Header
	Body    string
	Members map[string]any // the decoded body
}

// Text returns a member that is a string, or "".
func (r Response) Text(member string) string {
	text, _ := r.Members[member].(string)
	return text
}

// Fields returns the invalid fields that a problem names, separated by spaces.
func (r Response) Fields() string {
	var problem struct{ Errors []fault.Field }
	_ = json.Unmarshal([]byte(r.Body), &problem) // Request has checked that the body is JSON
	names := make([]string, 0, len(problem.Errors))
	for _, field := range problem.Errors {
		names = append(names, field.Field)
	}
	return strings.Join(names, " ")
}

// Decode fails the test unless the response has the status code, and returns its decoded body.
func Decode[T any](t testing.TB, r Response, code int) (v T) {
	t.Helper()
	if r.Code != code {
		t.Fatalf("got %d %s, want %d", r.Code, r.Body, code)
	}
	if err := json.Unmarshal([]byte(r.Body), &v); err != nil {
		t.Fatalf("got %s, want a %T: %v", r.Body, v, err)
	}
	return v
}

package rest_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"comanda/services/internal/token"
)

// reply is a response over a real connection, with its body.
type reply struct {
	*http.Response
	body string
}

// serve starts the router's server. It returns a function that sends requests with headers given as name, value, name, value.
func serve(t *testing.T) func(method, path, body string, headers ...string) reply {
	t.Helper()
	server := httptest.NewUnstartedServer(router(&bytes.Buffer{}))
	server.Config.DisableGeneralOptionsHandler = true // as in package server
	server.Start()
	t.Cleanup(server.Close)
	return func(method, path, body string, headers ...string) reply {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+strings.TrimPrefix(path, "*"), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if path == "*" {
			r.URL.Opaque = "*"
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Add(headers[i], headers[i+1])
		}
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return reply{response, string(text)}
	}
}

// A HEAD has the status and the headers of a GET, including the length, and no body. This also holds for errors, and for responses larger
// than the server's buffer.
func TestHeadIsGetWithoutTheBody(t *testing.T) {
	send := serve(t)
	for _, tc := range []struct {
		path string
		want int
	}{
		{"/open", 200}, {"/large", 200}, {"/document", 200}, {"/resource", 200}, {"/nowhere", 404}, {"/broken", 500},
		{"/things/mine", 401},
	} {
		get, head := send("GET", tc.path, ""), send("HEAD", tc.path, "")
		if get.StatusCode != tc.want || head.StatusCode != tc.want || get.body == "" || head.body != "" {
			t.Errorf("%s: got %d and %d %q, want %d and no body for HEAD", tc.path, get.StatusCode, head.StatusCode, head.body, tc.want)
		}
		get.Header.Del("Date")
		head.Header.Del("Date")
		for name := range get.Header {
			if head.Header.Get(name) != get.Header.Get(name) {
				t.Errorf("%s: HEAD has %s %q, GET %q", tc.path, name, head.Header.Get(name), get.Header.Get(name))
			}
		}
		if len(head.Header) != len(get.Header) || get.Header.Get("Content-Length") == "" {
			t.Errorf("%s: HEAD has headers %v, GET %v", tc.path, head.Header, get.Header)
		}
	}
}

func TestMethods(t *testing.T) {
	send := serve(t)
	const things = "GET, HEAD, OPTIONS, POST"
	for _, tc := range []struct {
		method, path string
		want         int
		allow        string
	}{
		{"OPTIONS", "/things", 204, things}, // without a token
		{"OPTIONS", "/things?state=x", 204, things},
		{"OPTIONS", "/things/mine", 204, "GET, HEAD, OPTIONS"},
		{"OPTIONS", "/things/7", 204, "GET, HEAD, OPTIONS, PATCH"},
		{"OPTIONS", "/nowhere", 404, ""},
		{"OPTIONS", "*", 204, "GET, HEAD, OPTIONS, PATCH, POST"},
		{"PUT", "/things", 405, things},
		{"PATCH", "/things", 405, things},
		{"PATCH", "/things/mine", 405, "GET, HEAD, OPTIONS"}, // not the thing with the id "mine"
		{"DELETE", "/things", 405, things},
		{"TRACE", "/things", 405, things},
		{"HEAD", "/only-posted", 405, "OPTIONS, POST"},
		{"GET", "/only-posted", 405, "OPTIONS, POST"},
		{"TRACE", "/nowhere", 404, ""},
		{"QUERY", "/nowhere", 404, ""},
		{"BREW", "/things", 501, ""},
		{"BREW", "/nowhere", 501, ""},
		{"PROPFIND", "/things/7", 501, ""},
		{"get", "/things", 501, ""}, // methods are case-sensitive
	} {
		got := send(tc.method, tc.path, "")
		if got.StatusCode != tc.want || got.Header.Get("Allow") != tc.allow {
			t.Errorf("%s %s: got %d, Allow %q, want %d, %q", tc.method, tc.path, got.StatusCode, got.Header.Get("Allow"),
				tc.want, tc.allow)
		}
		patch := ""
		if strings.Contains(tc.allow, "PATCH") && tc.want == 204 {
			patch = "application/merge-patch+json, application/json"
		}
		if got.Header.Get("Accept-Patch") != patch {
			t.Errorf("%s %s: got Accept-Patch %q", tc.method, tc.path, got.Header.Get("Accept-Patch"))
		}
		if problem := got.Header.Get("Content-Type") == "application/problem+json"; problem != (tc.want >= 400) {
			t.Errorf("%s %s: got Content-Type %q", tc.method, tc.path, got.Header.Get("Content-Type"))
		}
	}
}

// An unknown or repeated parameter is refused on every route and method, because ignoring it answers another question.
func TestQueryParameters(t *testing.T) {
	send := serve(t)
	customer, staff := bearer(t, token.Customer), bearer(t, token.Staff)
	for _, tc := range []struct {
		method, path, authorization string
		want                        int
		detail                      string
	}{
		{"GET", "/things", customer, 200, ""},
		{"GET", "/things?", customer, 200, ""},
		{"GET", "/things?status=a&limit=1", customer, 200, ""},
		{"GET", "/things?status=", customer, 200, ""},
		{"GET", "/things?tag=a&tag=b", customer, 200, ""}, // may be repeated
		{"GET", "/things?state=a", customer, 400, `"state" is not known here: the parameters are limit, status, tag`},
		{"GET", "/things?Status=a", customer, 400, `"Status"`},
		{"GET", "/things?status%5B%5D=a", customer, 400, `"status[]"`},
		{"GET", "/things?=a", customer, 400, `""`},
		{"GET", "/things?status=a&status=b", customer, 400, `"status" must be given at most once`},
		{"GET", "/things?status=a&status=a", customer, 400, `"status"`},
		{"GET", "/things?status=a&%73tatus=b", customer, 400, `"status"`},
		{"GET", "/things?status=a;limit=1", customer, 400, "not well formed"},
		{"GET", "/things?status=%zz", customer, 400, "not well formed"},
		{"HEAD", "/things?state=a", customer, 400, ""},
		{"POST", "/things?status=a", staff, 400, `"status" is not known here: this address has no parameters`},
		{"PATCH", "/things/7?dry-run=1", customer, 400, `"dry-run"`},
		{"GET", "/open?access_token=" + strings.TrimPrefix(customer, "Bearer "), "", 400, `"access_token"`},
		{"GET", "/things?access_token=" + strings.TrimPrefix(customer, "Bearer "), "", 401, "Authorization: Bearer"},
		{"GET", "/things?access_token=" + strings.TrimPrefix(customer, "Bearer "), customer, 400, `"access_token"`},
		{"GET", "/login?x=1", "", 400, `"x"`},
	} {
		var headers []string
		if tc.authorization != "" {
			headers = []string{"Authorization", tc.authorization}
		}
		got := send(tc.method, tc.path, "", headers...)
		if detail := problemOf(t, got).Detail; got.StatusCode != tc.want || !strings.Contains(detail, tc.detail) {
			t.Errorf("%s %s: got %d %q, want %d %q", tc.method, tc.path, got.StatusCode, detail, tc.want, tc.detail)
		}
	}
}

// The challenge tells a client whether to log in, to refresh its token, or to ask for a role (RFC 6750, 3.1).
func TestChallenges(t *testing.T) {
	send := serve(t)
	const plain = `Bearer realm="comanda"`
	valid := strings.TrimPrefix(bearer(t, token.Customer), "Bearer ")
	for _, tc := range []struct {
		path           string
		authorizations []string
		want           int
		challenge      string
	}{
		{"/things", nil, 401, plain},
		{"/things", []string{""}, 401, plain},
		{"/things", []string{"Basic YTpi"}, 401, plain},
		{"/things", []string{"Bearer"}, 401, plain + `, error="invalid_token"`},
		{"/things", []string{"Bearer  "}, 401, plain + `, error="invalid_token"`},
		{"/things", []string{"Bearer nonsense"}, 401, plain + `, error="invalid_token", error_description="`},
		{"/things", []string{valid}, 401, plain},
		{"/open", []string{"Bearer nonsense"}, 401, plain + `, error="invalid_token"`},
		{"/things", []string{"Bearer " + valid}, 200, ""},
		{"/things", []string{"bearer " + valid}, 200, ""},
		{"/things", []string{"BEARER  " + valid}, 200, ""},
		{"/things", []string{"Bearer " + valid, "Bearer " + valid}, 400, plain + `, error="invalid_request"`},
		{"/open", []string{"Bearer " + valid, "Basic YTpi"}, 400, plain + `, error="invalid_request"`},
		{"/staff", []string{"Bearer " + valid}, 403, plain + `, error="insufficient_scope"`},
		{"/forbidden", nil, 403, ""}, // not for lack of a role
		{"/login", []string{"Bearer nonsense", "Bearer"}, 200, ""},
		{"/open", nil, 200, ""},
	} {
		var headers []string
		for _, value := range tc.authorizations {
			headers = append(headers, "Authorization", value)
		}
		got := send("GET", tc.path, "", headers...)
		challenge := got.Header.Get("WWW-Authenticate")
		right := challenge == tc.challenge
		if strings.Contains(tc.challenge, "error=") { // followed by a description
			right = strings.HasPrefix(challenge, tc.challenge)
		}
		if got.StatusCode != tc.want || !right {
			t.Errorf("%s with %q: got %d, challenge %q, want %d, %q", tc.path, tc.authorizations, got.StatusCode, challenge,
				tc.want, tc.challenge)
		}
	}
}

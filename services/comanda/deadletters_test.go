package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"unicode"
)

// Each verb sends one request as an admin, and the command ends its session.
func TestDeadLettersCallsTheAPI(t *testing.T) {
	t.Parallel()
	var requests []string
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		path := strings.TrimPrefix(r.URL.RequestURI(), "/api/v1")
		switch {
		case path == "/auth/login" && strings.Contains(string(body), "hunter22"):
			_, _ = fmt.Fprint(w, `{"accessToken":"a","refreshToken":"r"}`)
			return
		case r.Header.Get("Authorization") != "Bearer a":
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = fmt.Fprint(w, `{"detail":"the password is wrong"}`)
			return
		}
		requests = append(requests, r.Method+" "+path+" "+string(body))
		switch {
		case strings.HasPrefix(path, "/dead-letters?limit=100&service=empty"):
			_, _ = fmt.Fprint(w, `{"items":[]}`)
		case strings.HasPrefix(path, "/dead-letters?cursor=next"):
			_, _ = fmt.Fprint(w, `{"items":[{"id":"2","topic":"t","status":"WAITING"}]}`)
		case strings.HasPrefix(path, "/dead-letters?"):
			_, _ = fmt.Fprint(w, `{"items":[{"id":"1","topic":"t\u001b[2J","reason":"x"}],"nextCursor":"next"}`)
		case path == "/dead-letters/replay":
			_, _ = fmt.Fprint(w, `{"requested":7}`)
		default:
			_, _ = fmt.Fprint(w, `{"id":"1","payload":{"a":1}}`)
		}
	}))
	defer gateway.Close()
	environ := []string{"COMANDA_URL=" + gateway.URL, "ADMIN_EMAIL=root@example.com", "ADMIN_PASSWORD=hunter22"}
	for _, tc := range []struct{ args, want, output string }{
		{"list -topic t", "GET /dead-letters?limit=100&service=&topic=t ", "WAITING"},
		{"list -service empty", "GET /dead-letters?limit=100&service=empty&topic= ", "no dead letters\n"},
		{"show 1", "GET /dead-letters/1 ", `"a": 1`},
		{"replay 1", "POST /dead-letters/1/replay ", ""},
		{"replay -all -service order", `POST /dead-letters/replay {"service":"order"}`, "7 dead letters"},
		{"discard 1/../2", "DELETE /dead-letters/1%2F..%2F2 ", ""},
	} {
		requests = nil
		var output bytes.Buffer
		code := run(append([]string{"dead-letters"}, strings.Fields(tc.args)...), environ, &output, &output)
		if code != 0 || len(requests) < 2 || requests[0] != tc.want || !strings.HasPrefix(requests[len(requests)-1], "POST /auth/logout") ||
			!strings.Contains(output.String(), tc.output) || strings.Contains(output.String(), "\x1b") {
			t.Errorf("%s: got exit code %d, %q and %q, want the request %q, a logout and %q", tc.args, code, requests, output.String(), tc.want, tc.output)
		}
	}
	for args, want := range map[string]int{"": 2, "show": 2, "replay": 2, "replay 1 2": 2, "discard -all": 2, "list 1": 2, "eat 1": 2} {
		var output bytes.Buffer
		if code := run(append([]string{"dead-letters"}, strings.Fields(args)...), environ, &output, &output); code != want {
			t.Errorf("%q: got exit code %d, want %d", args, code, want)
		}
	}
	for want, environ := range map[string][]string{"ADMIN_EMAIL": nil, "the password is wrong": append(environ, "ADMIN_PASSWORD=x")} {
		var output bytes.Buffer
		if code := run([]string{"dead-letters", "list"}, environ, &output, &output); code != 1 || !strings.Contains(output.String(), want) {
			t.Errorf("got exit code %d and %q, want 1 and %q", code, output.String(), want)
		}
	}
}

// A letter may hold what controls a terminal or reorders text. It is shown escaped, as the same JSON.
func TestShownLettersDoNotControlTheTerminal(t *testing.T) {
	t.Parallel()
	const payload = "{\"a\":\"\u009b2J \u202e\x7f\U000e0041 \\u001b[2J é 🍲\"}"
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, payload) }))
	defer gateway.Close()
	var output bytes.Buffer
	run([]string{"dead-letters", "show", "1"}, []string{"COMANDA_URL=" + gateway.URL, "ADMIN_EMAIL=a", "ADMIN_PASSWORD=b"}, &output, &output)
	if strings.ContainsFunc(output.String(), func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) || !strings.Contains(output.String(), "é 🍲") {
		t.Errorf("got %q, want only what can be printed", output.String())
	}
	var shown, want map[string]string
	if err := json.Unmarshal(output.Bytes(), &shown); err != nil {
		t.Fatalf("got %q: %v", output.String(), err)
	}
	if _ = json.Unmarshal([]byte(payload), &want); shown["a"] != want["a"] {
		t.Errorf("got %q, want %q", shown["a"], want["a"])
	}
}

// The password goes to the address that the operator gave, and no further.
func TestThePasswordFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var stolen atomic.Bool
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Store(true) }))
	defer thief.Close()
	gateway := httptest.NewServer(http.RedirectHandler(thief.URL, http.StatusTemporaryRedirect))
	defer gateway.Close()
	var output bytes.Buffer
	code := run([]string{"dead-letters", "list"}, []string{"COMANDA_URL=" + gateway.URL, "ADMIN_EMAIL=a", "ADMIN_PASSWORD=b"}, &output, &output)
	if code != 1 || stolen.Load() || !strings.Contains(output.String(), "307") {
		t.Errorf("got exit code %d, %q, another address asked: %v; want an error that says 307", code, output.String(), stolen.Load())
	}
}

package rest

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/token"
)

// checkRefusal fails the test when err is not an error that blames the request.
func checkRefusal(t *testing.T, input string, err error) {
	t.Helper()
	switch fault.From(err).Kind {
	case fault.KindInternal, fault.KindUnavailable:
		t.Fatalf("%q: got %v, want a 4xx", input, err)
	}
}

// FuzzCursor looks for a cursor that decodes although no list has issued it.
func FuzzCursor(f *testing.F) {
	cursors := NewCursors(token.Keys{Current: token.Secret(strings.Repeat("s", token.MinSecret))})
	issued := cursors.encode("/orders", "filter", TimePosition{time.UnixMicro(1).UTC(), "6b9a8f5e-0b7e-4b0c-9d5f-0d2a3b1c4d5e"})
	for _, seed := range []string{issued, issued + "=", issued[1:], "", "\n" + issued} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		var position TimePosition
		if err := cursors.decode(cursor, "/orders", "filter", &position); (err == nil) != (cursor == issued) {
			t.Fatalf("%q: got %+v, %v", cursor, position, err)
		}
		if err := cursors.decode(cursor, "/users", "filter", &position); err == nil {
			t.Fatalf("%q: got %+v from the cursor of another list", cursor, position)
		}
	})
}

// FuzzPrecondition looks for preconditions whose meaning changes when the gateway passes them on.
func FuzzPrecondition(f *testing.F) {
	f.Add(`"1"`, `*`, "", "Thu, 26 Nov 2026 10:00:00 GMT")
	f.Add(`W/"1-2", "a,b"`, `"`, "Thu, 26 Nov 2026 10:00:00 GMT", "yesterday")
	f.Fuzz(func(t *testing.T, match, noneMatch, unmodified, modified string) {
		header := http.Header{}
		for name, value := range map[string]string{"If-Match": match, "If-None-Match": noneMatch,
			"If-Unmodified-Since": unmodified, "If-Modified-Since": modified} {
			if value != "" {
				header.Set(name, value)
			}
		}
		got, err := parsePrecondition(header)
		if err != nil {
			checkRefusal(t, match+noneMatch, err)
			return
		}
		passed, again := http.Header{}, http.Header{}
		got.CopyTo(passed)
		same, err := parsePrecondition(passed)
		if err != nil {
			t.Fatalf("%v: passed on as %v, which is refused: %v", header, passed, err)
		}
		if same.CopyTo(again); !maps.EqualFunc(passed, again, func(a, b []string) bool { return a[0] == b[0] }) {
			t.Fatalf("%v: passed on as %v, and that as %v", header, passed, again)
		}
	})
}

// FuzzQuery looks for a query that passes although it has an unknown or a repeated parameter.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"limit=1", "limit=1&limit=2", "limit=1;cursor=2", "%6cimit=1", "x=1", "%", "limit"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "/orders", nil)
		r.URL.RawQuery = query
		if err := checkQuery(r, Route{Query: []string{"limit", "cursor"}}); err != nil {
			checkRefusal(t, query, err)
			return
		}
		given := r.URL.Query() // what handlers read: it must be all of the query
		for name, values := range given {
			if name != "limit" && name != "cursor" || len(values) > 1 {
				t.Fatalf("%q: passed with %q", query, name)
			}
		}
		if strings.Count(query, "=") > 0 && len(given) == 0 {
			t.Fatalf("%q: passed, but handlers see no parameter", query)
		}
	})
}

// FuzzPatch looks for a body whose members and whose decoded value disagree.
func FuzzPatch(f *testing.F) {
	for _, seed := range []string{`{"name":"x"}`, `{"name":null}`, `{}`, `[]`, `{"name":"a","name":"b"}`, `{"NAME":"x"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := httptest.NewRequest(http.MethodPatch, "/users/me", strings.NewReader(body))
		r.Header.Set("Content-Type", mergePatch)
		var change struct {
			Name *string `json:"name"`
		}
		members, err := DecodePatch(httptest.NewRecorder(), r, &change)
		if err != nil {
			checkRefusal(t, body, err)
			return
		}
		if given := members.Has("name") && !members.IsNull("name"); given != (change.Name != nil) {
			t.Fatalf("%q: got members %s and the name %v", body, members, change.Name)
		}
		for name := range members {
			if name != "name" {
				t.Fatalf("%q: the unknown member %q passed", body, name)
			}
		}
	})
}

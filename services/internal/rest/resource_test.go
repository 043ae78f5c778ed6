package rest_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// resourceChanged is the time at which the resource of the test's router changed: half a second before its Last-Modified.
var resourceChanged = time.Date(2026, 1, 2, 3, 4, 5, 500_000_000, time.UTC)

// The resource that the test's router serves has the tag "3-7", and changed at 03:04:05.5.
const (
	tag        = `"3-7"`
	changed    = "Fri, 02 Jan 2026 03:04:06 GMT"
	beforehand = "Fri, 02 Jan 2026 03:04:05 GMT"
	later      = "Fri, 02 Jan 2026 03:04:07 GMT"
)

func problemOf(t *testing.T, r reply) (problem rest.Problem) {
	t.Helper()
	if r.StatusCode >= 400 && r.body != "" {
		if err := json.Unmarshal([]byte(r.body), &problem); err != nil {
			t.Errorf("got %d %s, want a problem: %v", r.StatusCode, r.body, err)
		}
	}
	return problem
}

// preconditions are sent to the test's resource.
var preconditions = []struct {
	name    string
	headers []string
	get     int // the status of a GET
	patch   int // the status of a PATCH that touches the whole resource
	version int // the status of a PATCH that touches only what the version stands for
}{
	{"none", nil, 200, 200, 200},
	{"the tag", []string{"If-Match", tag}, 200, 200, 200},
	{"any", []string{"If-Match", "*"}, 200, 200, 200},
	{"a list", []string{"If-Match", `"1", ` + tag + `,"2"`}, 200, 200, 200},
	{"empty elements", []string{"If-Match", ` , ,` + tag + `,`}, 200, 200, 200},
	{"two headers", []string{"If-Match", `"1"`, "If-Match", tag}, 200, 200, 200},
	{"another tag", []string{"If-Match", `"2"`}, 412, 412, 412},
	{"nonsense in quotes", []string{"If-Match", `"nonsense"`}, 412, 412, 412},
	{"the empty tag", []string{"If-Match", `""`}, 412, 412, 412},
	{"a weak tag", []string{"If-Match", `W/` + tag}, 412, 412, 412}, // the comparison is strong
	{"the same version, other stock", []string{"If-Match", `"3-8"`}, 412, 412, 200},
	{"another version, the same stock", []string{"If-Match", `"4-7"`}, 412, 412, 412},
	{"a comma in a tag", []string{"If-Match", `"1,` + `3-7"`}, 412, 412, 412},
	{"a star in quotes", []string{"If-Match", `"*"`}, 412, 412, 412},

	{"not this tag", []string{"If-None-Match", tag}, 304, 412, 412},
	{"not this weak tag", []string{"If-None-Match", `W/` + tag}, 304, 412, 412}, // the comparison is weak
	{"not any", []string{"If-None-Match", "*"}, 304, 412, 412},
	{"not in a list", []string{"If-None-Match", `"1", W/` + tag}, 304, 412, 412},
	{"not another tag", []string{"If-None-Match", `"2"`}, 200, 200, 200},
	{"this and not that", []string{"If-Match", tag, "If-None-Match", `"2"`}, 200, 200, 200},
	{"this and not this", []string{"If-Match", tag, "If-None-Match", tag}, 304, 412, 412},
	{"that and not this", []string{"If-Match", `"2"`, "If-None-Match", tag}, 412, 412, 412},

	{"modified since before", []string{"If-Modified-Since", beforehand}, 200, 200, 200},
	{"modified since then", []string{"If-Modified-Since", changed}, 304, 200, 200},
	{"modified since later", []string{"If-Modified-Since", later}, 304, 200, 200},
	{"the format of RFC 850", []string{"If-Modified-Since", "Friday, 02-Jan-26 03:04:06 GMT"}, 304, 200, 200},
	{"a date that is none", []string{"If-Modified-Since", "yesterday"}, 200, 200, 200},
	{"two dates", []string{"If-Modified-Since", later, "If-Modified-Since", later}, 200, 200, 200},
	{"a tag beside a date", []string{"If-None-Match", `"2"`, "If-Modified-Since", later}, 200, 200, 200},
	{"unmodified since before", []string{"If-Unmodified-Since", beforehand}, 412, 412, 412},
	{"unmodified since then", []string{"If-Unmodified-Since", changed}, 200, 200, 200},
	{"unmodified since no date", []string{"If-Unmodified-Since", "0"}, 200, 200, 200},
	{"a tag beside an old date", []string{"If-Match", tag, "If-Unmodified-Since", beforehand}, 200, 200, 200},

	{"no quotes", []string{"If-Match", "3-7"}, 400, 400, 400},
	{"one quote", []string{"If-Match", `"3-7`}, 400, 400, 400},
	{"no commas", []string{"If-Match", `"1" "3-7"`}, 400, 400, 400},
	{"a star in a list", []string{"If-Match", `*, "3-7"`}, 400, 400, 400},
	{"lower-case w", []string{"If-Match", `w/"3-7"`}, 400, 400, 400},
	{"a space in a tag", []string{"If-Match", `"3 7"`}, 400, 400, 400},
	{"not ASCII", []string{"If-Match", `"é"`}, 400, 400, 400},
	{"empty", []string{"If-Match", ""}, 400, 400, 400},
	{"too long", []string{"If-Match", `"` + strings.Repeat("x", 1000) + `"`}, 400, 400, 400},
	{"none without quotes", []string{"If-None-Match", "3-7"}, 400, 400, 400},
	{"none with apostrophes", []string{"If-None-Match", "'3-7'"}, 400, 400, 400},
}

func TestPreconditions(t *testing.T) {
	send := serve(t)
	customer := bearer(t, token.Customer)
	for _, tc := range preconditions {
		headers := append([]string{"Authorization", customer}, tc.headers...)
		for _, request := range []struct {
			method, path string
			want         int
		}{
			{"GET", "/resource", tc.get}, {"HEAD", "/resource", tc.get}, {"PATCH", "/resource", tc.patch},
			{"PATCH", "/versioned", tc.version},
		} {
			got := send(request.method, request.path, "", headers...)
			if got.StatusCode != request.want {
				t.Errorf("%s: %s %s: got %d %s, want %d", tc.name, request.method, request.path, got.StatusCode, got.body, request.want)
			}
			problem := problemOf(t, got)
			if request.method != "HEAD" && request.want >= 400 && !strings.Contains(problem.Detail, failing(tc.headers)) {
				t.Errorf("%s: %s: got detail %q, want the name of the header", tc.name, request.method, problem.Detail)
			}
			if got.StatusCode == 412 && request.method != "HEAD" && problem.Type != "/problems/precondition-failed" {
				t.Errorf("%s: %s: got type %q", tc.name, request.method, problem.Type)
			}
			good := got.StatusCode < 400
			if good != (got.Header.Get("ETag") == tag) || good != (got.Header.Get("Last-Modified") == changed) {
				t.Errorf("%s: %s: got %d with ETag %q, Last-Modified %q", tc.name, request.method, got.StatusCode, got.Header.Get("ETag"),
					got.Header.Get("Last-Modified"))
			}
			if got.StatusCode == http.StatusNotModified && got.body != "" {
				t.Errorf("%s: a 304 has a body: %s", tc.name, got.body)
			}
		}
	}
}

// failing returns the name of the header that fails: the last one, unless If-Match names another tag.
func failing(headers []string) string {
	if headers[1] == `"2"` {
		return headers[0]
	}
	return headers[len(headers)-2]
}

// A route without a version has no entity tag: If-Match names a tag that it cannot have.
func TestPreconditionsOfARouteWithoutAVersion(t *testing.T) {
	send := serve(t)
	staff := bearer(t, token.Staff)
	for _, tc := range []struct {
		path, header, value string
		want                int
	}{
		{"/things", "If-Match", `"1"`, 412},
		{"/things", "If-Match", `*`, 200}, // the list exists
		{"/things", "If-None-Match", `*`, 412},
		{"/things", "If-None-Match", `"1"`, 200},
		{"/things", "If-Unmodified-Since", beforehand, 200}, // it has no date
		{"/things", "If-Match", `x`, 400},
		{"/only-posted", "If-Match", `*`, 412}, // there is nothing to read
		{"/only-posted", "If-None-Match", `*`, 200},
	} {
		if got := send("POST", tc.path, "", "Authorization", staff, tc.header, tc.value); got.StatusCode != tc.want {
			t.Errorf("POST %s with %s %s: got %d %s, want %d", tc.path, tc.header, tc.value, got.StatusCode, got.body, tc.want)
		}
	}
}

func TestIfMatchOfAnUnversionedDocument(t *testing.T) {
	show := func(w http.ResponseWriter, r *http.Request) error { return rest.Unversioned(w, r, "ok") }
	router := rest.Router(slog.New(slog.DiscardHandler), token.Verifier{}, []rest.Route{{Method: "GET", Path: "/", Access: rest.Anyone, Handle: show}})
	for value, want := range map[string]int{`"1"`: 412, `W/"1"`: 412, `""`: 412, "*": 200, "x": 400} {
		recorder, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
		r.Header.Set("If-Match", value)
		router.ServeHTTP(recorder, r)
		if recorder.Code != want || recorder.Header().Get("Cache-Control") != "no-store" && want == 200 {
			t.Errorf("If-Match %s: got %d %v, want %d, and no-store", value, recorder.Code, recorder.Header(), want)
		}
	}
}

func TestDocumentsHaveATagOfTheirContent(t *testing.T) {
	send := serve(t)
	first := send("GET", "/document", "")
	etag := first.Header.Get("ETag")
	again := send("GET", "/document", "", "If-None-Match", etag)
	if len(etag) < 20 || again.StatusCode != 304 || again.Header.Get("ETag") != etag {
		t.Errorf("the same document: got %d, ETag %q after %q, want 304", again.StatusCode, again.Header.Get("ETag"), etag)
	}
	other := send("GET", "/document?limit=1", "", "If-None-Match", etag)
	if other.StatusCode != 200 || other.Header.Get("ETag") == etag {
		t.Errorf("another document: got %d, ETag %q, want 200 and another", other.StatusCode, other.Header.Get("ETag"))
	}
}

// Only a response with a validator may be stored. A shared cache may store it only if it was served without a token.
func TestCaching(t *testing.T) {
	send := serve(t)
	customer := bearer(t, token.Customer)
	for _, tc := range []struct{ path, authorization, control, vary string }{
		{"/resource", customer, "private, no-cache", "Authorization"},
		{"/resource", "", "no-cache", "Authorization"},
		{"/document", "", "no-cache", "Authorization"},
		{"/things/mine", customer, "no-store", ""},
		{"/login", "", "no-store", ""},
		{"/open", "", "no-store", "Authorization"},
		{"/nowhere", "", "no-store", ""},
	} {
		var headers []string
		if tc.authorization != "" {
			headers = []string{"Authorization", tc.authorization}
		}
		got := send("GET", tc.path, "", headers...)
		control, vary := got.Header.Get("Cache-Control"), got.Header.Get("Vary")
		if control != tc.control || vary != tc.vary {
			t.Errorf("%s: got Cache-Control %q, Vary %q, want %q, %q", tc.path, control, vary, tc.control, tc.vary)
		}
	}
}

// A change within the present second has no Last-Modified yet: a second change could follow with the same date.
func TestLastModifiedIsNeverInTheFuture(t *testing.T) {
	send := serve(t)
	got := send("GET", "/just-now", "")
	if got.StatusCode != 200 || got.Header.Get("Last-Modified") != "" || got.Header.Get("ETag") == "" {
		t.Errorf("got %d, Last-Modified %q, want none", got.StatusCode, got.Header.Get("Last-Modified"))
	}
}

func TestVersionTag(t *testing.T) {
	for want, got := range map[string]string{
		"3": rest.VersionTag(3), "3-0": rest.VersionTag(3, 0), "3-5.2.1": rest.VersionTag(3, 5, 2, 1),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

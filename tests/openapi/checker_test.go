package openapi

import (
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"comanda/docs"
)

const (
	id      = "5d1f2f6a-3a59-4f1e-9d0a-0f6f0f8f2f7c"
	order   = `{"id":"` + id + `","customerId":"` + id + `","status":"PENDING","items":[{"productId":"` + id + `","quantity":1}],"version":1,"createdAt":"2026-05-01T12:00:00Z","updatedAt":"2026-05-01T12:00:00.5Z"}`
	problem = `{"type":"/problems/not-found","title":"Not found","status":404,"detail":"it does not exist","instance":"/x"}`
	event   = "event: status\nid: 1\ndata: {\"orderId\":\"" + id + "\",\"status\":\"PENDING\",\"version\":1,\"at\":\"2026-05-01T12:00:00Z\"}\n\n"
	trace   = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
)

// exchange is one request and its response.
type exchange struct {
	method, path, sent string
	status             int
	header             map[string]string // beside the ones that every response has
	received           string
}

// The parts that the cases start from.
var (
	read = exchange{"GET", "/api/v1/orders/" + id, "", 200, map[string]string{
		"Content-Type": "application/json", "ETag": `"1"`, "Content-Location": "/api/v1/orders/" + id, "Cache-Control": "private, no-cache"}, order}
	place = exchange{"POST", "/api/v1/orders", `{"items":[{"productId":"` + id + `","quantity":1}]}`, 201, map[string]string{
		"Content-Type": "application/json", "ETag": `"1"`, "Content-Location": "/x", "Location": "/x", "Cache-Control": "private, no-cache"}, order}
	missing = exchange{"GET", "/api/v1/orders/" + id, "", 404, map[string]string{"Content-Type": "application/problem+json"}, problem}
	follow  = exchange{"GET", "/api/v1/orders/" + id + "/events", "", 200, map[string]string{"Content-Type": "text/event-stream"},
		event + ": still here\n\nretry: 1000\n\n"}
)

// RoundTrip implements http.RoundTripper.
func (e exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := &http.Response{StatusCode: e.status, Body: io.NopCloser(strings.NewReader(e.received)), Request: r,
		Header: http.Header{"Traceresponse": {trace}, "Cache-Control": {"no-store"}}}
	for name, value := range e.header {
		if resp.Header.Set(name, value); value == "" {
			resp.Header.Del(name)
		}
	}
	return resp, nil
}

// with returns the exchange with a change.
func (e exchange) with(change func(*exchange)) exchange {
	e.header = maps.Clone(e.header)
	change(&e)
	return e
}

func TestCheckerFindsViolations(t *testing.T) {
	replace := func(from, to string) func(*exchange) {
		return func(e *exchange) { e.received = strings.Replace(e.received, from, to, 1) }
	}
	set := func(name, value string) func(*exchange) { return func(e *exchange) { e.header[name] = value } }
	for name, tc := range map[string]struct {
		exchange
		want string // part of the violation; empty for none
	}{
		"an order":              {read, ""},
		"a new order":           {place, ""},
		"a problem":             {missing, ""},
		"events":                {follow, ""},
		"a HEAD":                {read.with(func(e *exchange) { e.method, e.received = "HEAD", "" }), ""},
		"nothing new":           {read.with(func(e *exchange) { e.status, e.received = 304, "" }).with(set("Content-Type", "")), ""},
		"OPTIONS":               {exchange{"OPTIONS", "/api/v1/orders", "", 204, map[string]string{"Allow": "GET"}, ""}, ""},
		"an unknown address":    {missing.with(func(e *exchange) { e.path = "/api/v1/nothing" }), ""},
		"an unknown member":     {read.with(replace(`"version"`, `"secret":1,"version"`)), "secret"},
		"an unknown nested one": {read.with(replace(`"quantity"`, `"secret":1,"quantity"`)), "secret"},
		"a missing member":      {read.with(replace(`"version":1,`, "")), "version"},
		"null":                  {read.with(replace(`"version":1`, `"version":null`)), "version"},
		"an unknown value":      {read.with(replace("PENDING", "LOST")), "status"},
		"another format":        {read.with(replace("2026-05-01T12:00:00Z", "yesterday")), "createdAt"},
		"an unknown status":     {read.with(func(e *exchange) { e.status = 206 }), "206"},
		"a wrong media type":    {read.with(set("Content-Type", "text/html")), "text/html"},
		"an unknown header":     {read.with(set("X-Secret", "1")), "X-Secret"},
		"an undocumented ETag":  {missing.with(set("ETag", `"1"`)), "Etag"},
		"a wrong ETag":          {read.with(set("ETag", "1")), "etag"},
		"a missing ETag":        {read.with(set("ETag", "")), "ETag"},
		"a missing Location":    {place.with(set("Location", "")), "Location"},
		"a HEAD without ETag":   {read.with(func(e *exchange) { e.method, e.received = "HEAD", "" }).with(set("ETag", "")), "ETag"},
		"another problem":       {missing.with(replace("not-found", "conflict")), "/problems/not-found"},
		"an unknown problem":    {missing.with(replace("not-found", "strange")), "/problems/not-found"},
		"a 503 without its retry": {missing.with(func(e *exchange) {
			e.status, e.received = 503, strings.NewReplacer("404", "503", "not-found", "unavailable").Replace(problem)
		}), "Retry-After"},
		"an unknown operation":      {read.with(func(e *exchange) { e.path = "/api/v1/secrets" }), "no such operation"},
		"an unknown method":         {read.with(func(e *exchange) { e.method = "DELETE" }), "no such operation"},
		"a wrong accepted body":     {place.with(func(e *exchange) { e.sent = `{"items":[]}` }), "items"},
		"an unknown accepted one":   {place.with(func(e *exchange) { e.sent = strings.Replace(e.sent, `"quantity"`, `"note":"x","quantity"`, 1) }), "note"},
		"an accepted bad parameter": {read.with(func(e *exchange) { e.path += "?secret=1" }), "secret"},
		"a refused wrong body": {missing.with(func(e *exchange) {
			e.method, e.path, e.sent, e.status = "POST", "/api/v1/orders", `{"items":[]}`, 422
			e.received = strings.NewReplacer("404", "422", "not-found", "invalid", `"detail"`, `"errors":[{"field":"items","message":"must have lines"}],"detail"`).Replace(problem)
		}), ""},
		"a 422 without its fields": {missing.with(func(e *exchange) {
			e.method, e.path, e.status = "POST", "/api/v1/orders", 422
			e.received = strings.NewReplacer("404", "422", "not-found", "invalid").Replace(problem)
		}), "errors"},
		"an event of another type": {follow.with(replace("event: status", "event: secret")), "event (status)"},
		"an event without an id":   {follow.with(replace("id: 1\n", "")), "event (status)"},
		"an event with a secret":   {follow.with(replace(`"version"`, `"secret":1,"version"`)), "secret"},
		"an event without a time":  {follow.with(replace(`,"at":"2026-05-01T12:00:00Z"`, "")), "at"},
	} {
		t.Run(name, func(t *testing.T) {
			checker := current(t).Check(tc.exchange)
			r, err := http.NewRequest(tc.method, "http://comanda.test"+tc.path, strings.NewReader(tc.sent))
			if err != nil {
				t.Fatal(err)
			}
			if tc.sent != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			resp, err := checker.RoundTrip(r)
			var got string
			if err == nil {
				var text []byte
				text, err = io.ReadAll(resp.Body)
				got = string(text)
			}
			switch {
			case tc.want == "" && (err != nil || got != tc.received || checker.Err() != nil):
				t.Errorf("got %q, %v, want the response", got, err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want) || checker.Err() == nil):
				t.Errorf("got error %v, want one about %s", err, tc.want)
			}
		})
	}
}

func current(t *testing.T) *Document {
	t.Helper()
	document, err := Current()
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func TestParseRefusesADocumentThatIsNotOpenAPI(t *testing.T) {
	for _, change := range [][2]string{{"openapi: 3.1.0", "openapi: 4.0.0"}, {"in: path", "in: body"}, {"operationId: register\n", "operationId: [1]\n"}} {
		text := strings.Replace(string(docs.OpenAPI), change[0], change[1], 1)
		if text == string(docs.OpenAPI) {
			t.Fatalf("%q is not in the document", change[0])
		}
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s: got no error", change[1])
		}
	}
}

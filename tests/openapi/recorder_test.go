package openapi

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"comanda/docs"
)

// answer is a transport that gives one answer.
type answer struct {
	status int
	header string // lines of the form "Name: value"
	body   string
}

func (a answer) RoundTrip(request *http.Request) (*http.Response, error) {
	header := http.Header{}
	for line := range strings.SplitSeq(a.header, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		header.Add(name, value)
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(a.body)), Request: request}, nil
}

const (
	id      = "0b8e7c1a-3f1d-4a5e-8a59-6f0f8f2f7c11"
	created = "Content-Type: application/json\nETag: \"1\"\nCache-Control: private, no-cache\nLocation: /api/v1/orders/" + id +
		"\nContent-Location: /api/v1/orders/" + id
	order = `{"id":"` + id + `","customerId":"` + id + `","status":"PENDING","items":[{"productId":"` + id + `","quantity":2}],` +
		`"version":1,"createdAt":"2026-11-26T12:00:00Z","updatedAt":"2026-11-26T12:00:00Z"}`
	basket  = `{"items":[{"productId":"` + id + `","quantity":2}]}`
	problem = `{"type":"/problems/invalid","title":"Some fields are wrong","status":422,"detail":"x","instance":"/api/v1/orders",` +
		`"errors":[{"field":"items","message":"must be given"}]}`
	list    = "Content-Type: application/json\nETag: \"a\"\nCache-Control: private, no-cache"
	limited = `{"type":"/problems/too-many-requests","title":"Too many requests","status":429,"detail":"x","instance":"/api/v1/orders"}`
	missing = `{"type":"/problems/not-found","title":"Not found","status":404,"detail":"x","instance":"/api/v1/drinks"}`
	refused = "Content-Type: application/problem+json\nCache-Control: no-store"
	events  = "Content-Type: text/event-stream\nCache-Control: no-store\nX-Accel-Buffering: no"
	event   = "event: status\nid: 1\ndata: {\"orderId\":\"" + id + "\",\"status\":\"PENDING\",\"version\":1,\"at\":\"2026-11-26T12:00:00Z\"}\n\n"
)

func TestEveryDifferenceFromTheDocumentIsRecorded(t *testing.T) {
	document, err := Load(docs.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	const orders = "/api/v1/orders"
	for name, tc := range map[string]struct {
		method, path, body string
		answer             answer
		wrong              string // part of what is recorded; empty for nothing
	}{
		"as documented":          {"POST", orders, basket, answer{201, created, order}, ""},
		"another status":         {"POST", orders, basket, answer{202, created, order}, "202"},
		"a missing header":       {"POST", orders, basket, answer{201, strings.Replace(created, "ETag", "X-Tag", 1), order}, "Tag"},
		"an undocumented header": {"POST", orders, basket, answer{201, created + "\nX-New: 1", order}, "X-New"},
		"another media type":     {"POST", orders, basket, answer{201, strings.Replace(created, "json", "xml", 1), order}, "xml"},
		"a missing member":       {"POST", orders, basket, answer{201, created, strings.Replace(order, `"version":1,`, "", 1)}, "version"},
		"a member of another type": {"POST", orders, basket,
			answer{201, created, strings.Replace(order, `"version":1`, `"version":"1"`, 1)}, "version"},
		"an undocumented member": {"POST", orders, basket, answer{201, created, strings.Replace(order, "{", `{"extra":1,`, 1)}, "extra"},
		"an undocumented member of a line": {"POST", orders, basket,
			answer{201, created, strings.Replace(order, `{"productId"`, `{"extra":1,"productId"`, 1)}, "extra"},
		"another value":           {"POST", orders, basket, answer{201, created, strings.Replace(order, "PENDING", "LOST", 1)}, "status"},
		"no date":                 {"POST", orders, basket, answer{201, created, strings.Replace(order, "2026-11-26T", "", 1)}, "createdAt"},
		"an undocumented request": {"POST", orders, `{"items":[],"tip":1}`, answer{201, created, order}, "tip"},
		"an undocumented parameter's value": {"GET", orders + "?limit=1000", "",
			answer{200, list, `{"items":[]}`}, "limit"},
		"a refused request":             {"POST", orders, `{"tip":1}`, answer{422, refused, problem}, ""},
		"another problem":               {"POST", orders, basket, answer{422, refused, strings.Replace(problem, "invalid", "odd", 1)}, "type"},
		"a problem of another status":   {"POST", orders, basket, answer{400, refused, problem}, "status"},
		"an undocumented problem":       {"POST", orders, basket, answer{409, refused, problem}, "409"},
		"a 429 without Retry-After":     {"POST", orders, basket, answer{429, refused, limited}, "Retry-After"},
		"an undocumented path":          {"GET", "/api/v1/drinks", "", answer{200, "Content-Type: application/json", `{}`}, "not in the document"},
		"an undocumented path, refused": {"GET", "/api/v1/drinks", "", answer{404, refused, missing}, ""},
		"a refusal of another status":   {"GET", "/api/v1/drinks", "", answer{404, refused, problem}, "422"},
		"a refusal that is no problem":  {"GET", "/api/v1/drinks", "", answer{404, refused, `{"error":"no"}`}, "type"},
		"a 405 without Allow":           {"DELETE", orders, "", answer{405, refused, strings.Replace(missing, "404", "405", 1)}, "Allow"},
		"a problem with an ETag":        {"POST", orders, basket, answer{422, refused + "\nETag: \"1\"", problem}, "Etag"},
		"the type of another problem":   {"POST", orders, basket, answer{422, refused, strings.Replace(problem, "invalid", "conflict", 1)}, "/problems/invalid"},
		"an undocumented event member": {"GET", orders + "/" + id + "/events", "",
			answer{200, events, strings.Replace(event, `"version"`, `"extra":1,"version"`, 1)}, "extra"},
		"an undocumented method":       {"DELETE", orders, "", answer{204, "Cache-Control: no-store", ""}, "not in the document"},
		"a HEAD":                       {"HEAD", orders, "", answer{200, list, ""}, ""},
		"a HEAD without ETag":          {"HEAD", orders, "", answer{200, strings.Replace(list, "ETag", "X-Tag", 1), ""}, "ETag"},
		"a stream":                     {"GET", orders + "/" + id + "/events", "", answer{200, events, event + ": still here\n\nretry: 1000\n\n"}, ""},
		"a stream with another event":  {"GET", orders + "/" + id + "/events", "", answer{200, events, strings.Replace(event, "event: status", "event: end", 1)}, "event: end"},
		"a stream with another status": {"GET", orders + "/" + id + "/events", "", answer{200, events, strings.Replace(event, "PENDING", "LOST", 1)}, "LOST"},
		"a stream that may be stored":  {"GET", orders + "/" + id + "/events", "", answer{200, strings.Replace(events, "no-store", "public", 1), event}, "no-store"},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := NewRecorder(document, tc.answer)
			request, err := http.NewRequestWithContext(t.Context(), tc.method, "http://comanda.test"+tc.path, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			if tc.body != "" {
				request.Header.Set("Content-Type", "application/json")
			}
			response, err := recorder.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if err != nil || string(body) != tc.answer.body {
				t.Errorf("got body %q, %v, want it unchanged", body, err)
			}
			wrong := recorder.Wrong()
			if tc.wrong == "" && wrong != nil {
				t.Errorf("got %v, want nothing wrong", wrong)
			}
			if tc.wrong != "" && (wrong == nil || !strings.Contains(wrong.Error(), tc.wrong)) {
				t.Errorf("got %v, want an error about %s", wrong, tc.wrong)
			}
		})
	}
}

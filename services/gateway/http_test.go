package main

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"comanda/services/internal/token"
)

// versioned responds like a service: a resource with the ETag "3", 304 and 412 included.
func versioned(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"3"`)
	w.Header().Set("Last-Modified", "Fri, 02 Jan 2026 03:04:06 GMT")
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Set("Content-Location", "/api/v1/orders/"+orderID)
	w.Header().Set("Vary", "Authorization, Accept-Language")
	switch {
	case r.Header.Get("If-None-Match") == `"3"`:
		w.WriteHeader(http.StatusNotModified)
	case r.Header.Get("If-Match") == `"2"`:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusPreconditionFailed)
		_, _ = fmt.Fprint(w, `{"type":"/problems/precondition-failed","status":412}`)
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprint(w, `{"version":3,"notes":"`+strings.Repeat("x", 5000)+`"}`)
	}
}

func TestHeadAsksTheServiceWithGet(t *testing.T) {
	h := newHarness(t)
	h.sidecar.respondWith(versioned)
	get := h.send("GET", prefix+"/products/"+orderID, "")
	head := h.send("HEAD", prefix+"/products/"+orderID, "")
	for _, request := range h.sidecar.takeRequests() {
		if request.method != "GET" {
			t.Errorf("the service got %s, want GET", request.method)
		}
	}
	if head.StatusCode != 200 || head.text != "" || head.ContentLength != get.ContentLength || get.ContentLength < 5000 {
		t.Errorf("got %d %q, length %d, want 200 and the length %d", head.StatusCode, head.text, head.ContentLength, get.ContentLength)
	}
	for _, name := range []string{"Content-Type", "ETag", "Cache-Control", "Vary", "Last-Modified"} {
		if head.Header.Get(name) == "" || head.Header.Get(name) != get.Header.Get(name) {
			t.Errorf("%s: HEAD has %q, GET has %q", name, head.Header.Get(name), get.Header.Get(name))
		}
	}
	for path, want := range map[string]int{
		"/problems": 200, "/nowhere": 404, prefix + "/users/me": 401, prefix + "/auth/login": 405,
	} {
		if got := h.send("HEAD", path, ""); got.StatusCode != want || got.text != "" {
			t.Errorf("HEAD %s: got %d %q, want %d", path, got.StatusCode, got.text, want)
		}
	}
}

func TestMethodsAtTheEdge(t *testing.T) {
	h := newHarness(t)
	long := "/api/v1/products?query=" + strings.Repeat("x", maxURI)
	for request, want := range map[string]int{
		"OPTIONS *": 204, "OPTIONS /api/v1/orders": 204, "OPTIONS /nowhere": 404, "OPTIONS /api/v1/orders/" + orderID + "/events": 204,
		"TRACE /api/v1/orders": 405, "DELETE /api/v1/orders": 405, "QUERY /api/v1/orders": 405,
		"BREW /api/v1/orders": 501, "post /api/v1/orders": 501,
		"GET *": 404, "GET " + long: 414, "CONNECT 127.0.0.1:3500": 404,
	} {
		got := h.sendRaw(request + " HTTP/1.1\r\nHost: comanda\r\nConnection: close\r\n\r\n")
		if calls := h.sidecar.takeRequests(); got != want || len(calls) != 0 {
			t.Errorf("%.60s: got %d, %d calls, want %d and no call", request, got, len(calls), want)
		}
	}
}

func TestPreconditionsPassNormalised(t *testing.T) {
	h := newHarness(t)
	h.sidecar.respondWith(versioned)
	customer := bearer(t, token.Customer)
	const since = "Fri, 02 Jan 2026 03:04:06 GMT"
	for _, tc := range []struct {
		method, header, value string
		want                  int
		passed                string
	}{
		{"GET", "If-None-Match", `"3"`, 304, `"3"`},
		{"HEAD", "If-None-Match", ` "3"`, 304, `"3"`},
		{"GET", "If-None-Match", `W/"1",,"2"`, 200, `W/"1", "2"`},
		{"PATCH", "If-Match", `"2"`, 412, `"2"`},
		{"PATCH", "If-Match", `*`, 200, `*`},
		{"PATCH", "If-Match", `nonsense`, 400, ""},
		{"PATCH", "If-Match", "\"\xff\"", 400, ""}, // the sidecars could not pass it on
		{"GET", "If-None-Match", `'3'`, 400, ""},
		{"GET", "If-Modified-Since", "Friday, 02-Jan-26 03:04:06 GMT", 200, since},
		{"GET", "If-Modified-Since", "yesterday", 200, ""},
		{"PATCH", "If-Unmodified-Since", since, 200, since},
	} {
		body := ""
		if tc.method == "PATCH" {
			body = `{"name":"Ana"}`
		}
		got := h.send(tc.method, prefix+"/users/me", body, "Authorization", customer, tc.header, tc.value)
		calls := h.sidecar.takeRequests()
		if got.StatusCode != tc.want || (len(calls) == 1) != (tc.want != 400) {
			t.Errorf("%s with %s %q: got %d %s, %d calls, want %d", tc.method, tc.header, tc.value, got.StatusCode, got.text,
				len(calls), tc.want)
			continue
		}
		if len(calls) == 1 && calls[0].header.Get(tc.header) != tc.passed {
			t.Errorf("%s with %s %q: passed on %q, want %q", tc.method, tc.header, tc.value, calls[0].header.Get(tc.header), tc.passed)
		}
		if tc.want < 400 && (got.Header.Get("ETag") != `"3"` || got.Header.Get("Last-Modified") != since ||
			got.Header.Get("Cache-Control") != "private, no-cache" || got.Header.Get("Vary") != "Authorization, Accept-Language") {
			t.Errorf("%s with %s %q: got headers %v", tc.method, tc.header, tc.value, got.Header)
		}
		if tc.want == 304 && got.text != "" {
			t.Errorf("a 304 has a body: %s", got.text)
		}
	}
}

// A 304 without an ETag does not come from our services: only they evaluate preconditions, and they send the ETag.
func TestAForeign304IsA503(t *testing.T) {
	h := newHarness(t)
	h.sidecar.respondWith(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })
	if got := h.send("GET", prefix+"/products", ""); got.StatusCode != 503 {
		t.Errorf("got %d, want 503", got.StatusCode)
	}
}

func TestBodiesOfAnyFraming(t *testing.T) {
	h := newHarness(t)
	customer := bearer(t, token.Customer)
	const json, chunked = "Content-Type: application/json\r\n", "Transfer-Encoding: chunked\r\n"
	cancel := "POST " + prefix + "/orders/" + orderID + "/cancel"
	for _, tc := range []struct {
		name, request, headers, body string
		want                         int
		passed                       string
	}{
		{"no body", cancel, "", "", 200, ""},
		{"a length of 0", cancel, "Content-Length: 0\r\n", "", 200, ""},
		{"chunked and empty", cancel, chunked, "0\r\n\r\n", 200, ""},
		{"chunked and empty, with a type", cancel, json + chunked, "0\r\n\r\n", 200, ""},
		{"chunked and empty, with a trailer", cancel, chunked + "Trailer: X-Sum\r\n", "0\r\nX-Sum: 1\r\n\r\n", 200, ""},
		{"chunked", cancel, json + chunked, "2\r\n{}\r\n0\r\n\r\n", 200, "{}"},
		{"chunked, in two parts", cancel, json + chunked, "1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n", 200, "{}"},
		{"chunked, cut short", cancel, json + chunked, "5\r\n{}\r\n", 400, ""},
		{"both framings", cancel, json + chunked + "Content-Length: 9\r\n", "2\r\n{}\r\n0\r\n\r\n", 200, "{}"}, // RFC 9112, 6.3
		{"two lengths", cancel, json + "Content-Length: 2\r\nContent-Length: 3\r\n", "{}", 400, ""},
		{"an unknown transfer coding", cancel, json + "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n", 501, ""},
		{"gzip", cancel, json + "Content-Encoding: gzip\r\nContent-Length: 2\r\n", "{}", 415, ""},
		{"identity", cancel, json + "Content-Encoding: identity\r\nContent-Length: 2\r\n", "{}", 200, "{}"},
		{"latin-1", cancel, "Content-Type: application/json; charset=latin1\r\nContent-Length: 2\r\n", "{}", 415, ""},
		{"two types", cancel, json + json + "Content-Length: 2\r\n", "{}", 400, ""},
		{"a GET, chunked and empty", "GET " + prefix + "/users/me", chunked, "0\r\n\r\n", 200, ""},
		{"a GET, chunked", "GET " + prefix + "/users/me", json + chunked, "2\r\n{}\r\n0\r\n\r\n", 400, ""},
		{"a HEAD with a length", "HEAD " + prefix + "/users/me", json + "Content-Length: 2\r\n", "{}", 400, ""},
		{"a DELETE with a length", "DELETE " + prefix + "/users/me", json + "Content-Length: 2\r\n", "{}", 400, ""},
		{"a method that the address lacks, with a length", "DELETE " + prefix + "/users", json + "Content-Length: 2\r\n", "{}", 405, ""},
		{"an expectation", cancel, json + "Expect: 100-continue\r\nContent-Length: 2\r\n", "{}", 200, "{}"},
		{"an unknown expectation", cancel, "Expect: more\r\n", "", 417, ""},
	} {
		head := tc.request + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: " + customer + "\r\n" + tc.headers
		got := h.sendRaw(head + "\r\n" + tc.body)
		calls := h.sidecar.takeRequests()
		passed := tc.want < 400
		if got != tc.want || (len(calls) == 1) != passed || passed && calls[0].body != tc.passed {
			t.Errorf("%s: got %d, calls %+v, want %d with body %q", tc.name, got, calls, tc.want, tc.passed)
		}
	}
}

// A client that sends Expect: 100-continue gets the interim response first, and then the final one.
func TestExpectedContinueComesFirst(t *testing.T) {
	h := newHarness(t)
	request := "POST " + prefix + "/orders/" + orderID + "/cancel HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: " +
		bearer(t, token.Customer) + "\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"
	address := strings.TrimPrefix(h.server.URL, "http://")
	if got := rawStatuses(t, address, request); !slices.Equal(got, []int{100, 200}) {
		t.Errorf("got %v, want 100 and 200", got)
	}
}

// Several Authorization headers could mean one token here and another one behind a proxy.
func TestChallengesAtTheEdge(t *testing.T) {
	h := newHarness(t)
	customer := bearer(t, token.Customer)
	for _, tc := range []struct {
		headers string
		want    int
	}{
		{"Authorization: " + customer + "\r\nAuthorization: " + customer + "\r\n", 400},
		{"authorization: " + strings.Replace(customer, "Bearer", "bEARER", 1) + "\r\n", 200},
		{"Authorization: Bearer\r\n", 401},
		{"", 401},
	} {
		got := h.sendRaw("GET " + prefix + "/users/me HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + tc.headers + "\r\n")
		if calls := h.sidecar.takeRequests(); got != tc.want || (len(calls) == 1) != (tc.want == 200) {
			t.Errorf("%.80q: got %d, %d calls, want %d", tc.headers, got, len(calls), tc.want)
		}
	}
}

func TestCORSAllowsWhatTheAPIHas(t *testing.T) {
	const page = "https://app.example"
	h := newHarness(t, func(c *config) { c.Origins = []string{page} })
	h.sidecar.respondWith(versioned)
	preflight := h.send("OPTIONS", prefix+"/orders?status=PENDING", "", "Origin", page, "Access-Control-Request-Method", "PATCH",
		"Access-Control-Request-Headers", "cache-control,if-match,last-event-id")
	methods := preflight.Header.Get("Access-Control-Allow-Methods")
	if preflight.StatusCode != 204 || methods != "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT" {
		t.Errorf("got %d, methods %q", preflight.StatusCode, methods)
	}
	for _, name := range []string{"Authorization", "Cache-Control", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match",
		"If-Modified-Since", "If-Unmodified-Since", "Last-Event-ID", "Prefer"} {
		if got := ", " + preflight.Header.Get("Access-Control-Allow-Headers") + ","; !strings.Contains(got, ", "+name+",") {
			t.Errorf("a page may not send %s: %s", name, got)
		}
	}
	actual := h.send("GET", prefix+"/products", "", "Origin", page)
	for _, name := range []string{"ETag", "Location", "Content-Location", "Retry-After", "Preference-Applied", "Traceresponse",
		"WWW-Authenticate", "Allow"} {
		if got := ", " + actual.Header.Get("Access-Control-Expose-Headers") + ","; !strings.Contains(got, ", "+name+",") {
			t.Errorf("a page may not read %s: %s", name, got)
		}
	}
	cached := h.send("GET", prefix+"/products", "", "Origin", page, "If-None-Match", `"3"`)
	if cached.StatusCode != 304 || cached.Header.Get("Access-Control-Allow-Origin") != page ||
		!strings.Contains(cached.Header.Get("Vary"), "Origin") {
		t.Errorf("a 304: got %d %v, want it for the page", cached.StatusCode, cached.Header)
	}
}

// waitingOrder responds like a service whose order does not change: a request with Prefer waits until it is cancelled. It sends the
// preference on arrived when a request waits.
func waitingOrder(arrived chan<- string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if wait := r.Header.Get("Prefer"); wait != "" {
			arrived <- wait
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"status":"PENDING"}`)
	}
}

// When the gateway stops, it answers the clients that wait with the present order.
func TestStoppingTheGatewayAnswersWaitingRequests(t *testing.T) {
	sidecar, address, stop := runGateway(t)
	const clients = 3
	arrived, answers := make(chan string, clients), make(chan string, clients)
	sidecar.respondWith(waitingOrder(arrived))
	authorization := bearer(t, token.Customer)
	for _, path := range []string{"/orders/" + orderID, "/auth/registrations/" + orderID, "/orders/" + orderID} {
		go func() {
			r, _ := http.NewRequest("GET", "http://"+address+prefix+path, nil)
			r.Header.Set("Authorization", authorization)
			r.Header.Set("Prefer", "wait=30")
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				answers <- err.Error()
				return
			}
			defer func() { _ = response.Body.Close() }()
			body, err := io.ReadAll(response.Body)
			answers <- fmt.Sprintf("%d %s %v, close %t", response.StatusCode, body, err, response.Close)
		}()
	}
	for range clients {
		if wait := <-arrived; wait != "wait=30" {
			t.Fatalf("the service got Prefer %q, want wait=30", wait)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	for range clients {
		if got := <-answers; got != `200 {"status":"PENDING"} <nil>, close true` {
			t.Errorf("got %s, want 200 with the order as it is", got)
		}
	}
}

package main

import (
	"strings"
	"testing"

	"comanda/services/internal/token"
)

// These answers come from Go's HTTP server, before the API sees the request. docs/http.md lists them.
func TestAnswersFromBelowTheAPI(t *testing.T) {
	_, address, _ := runGateway(t)
	const get, options = "GET /api/v1/products HTTP/1.1\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\nX-Large: "
	room := 16<<10 - len(options) - len("\r\n\r\n") // for the value of X-Large
	for name, tc := range map[string]struct {
		request string
		want    int
	}{
		"headers of 16 KiB":               {options + strings.Repeat("x", room) + "\r\n\r\n", 204},
		"headers of a byte more":          {options + strings.Repeat("x", room+1) + "\r\n\r\n", 431},
		"headers that are too large":      {get + "Host: x\r\nX-Large: " + strings.Repeat("x", 30<<10) + "\r\n\r\n", 431},
		"an address that is far too long": {"GET /" + strings.Repeat("x", 30<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", 431},
		"an address that is too long":     {"GET /" + strings.Repeat("x", maxURI) + " HTTP/1.1\r\nHost: x\r\n\r\n", 414}, // from the API
		"no host":                         {get + "\r\n", 400},
		"two hosts":                       {get + "Host: x\r\nHost: y\r\n\r\n", 400},
		"a header without a colon":        {get + "Host: x\r\nnonsense\r\n\r\n", 400},
		"a space before the colon":        {get + "Host: x\r\nAccept : */*\r\n\r\n", 400},
		"a control character in a header": {get + "Host: x\r\nAccept: \x01\r\n\r\n", 400},
		"no request line":                 {"nonsense\r\n\r\n", 400},
		"a length that is no number":      {get + "Host: x\r\nContent-Length: x\r\n\r\n", 400},
		"a negative length":               {get + "Host: x\r\nContent-Length: -1\r\n\r\n", 400},
		"two lengths":                     {get + "Host: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
		"an unknown transfer coding":      {get + "Host: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
		"two transfer codings":            {get + "Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 501},
		"an unknown expectation":          {get + "Host: x\r\nExpect: more\r\n\r\n", 417},
		"a later version of HTTP":         {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505},
	} {
		if got := rawStatus(t, address, tc.request); got != tc.want {
			t.Errorf("%s: got %d, want %d", name, got, tc.want)
		}
	}
}

// A browser that reconnects sends the header once. Two could name two events.
func TestTrackingRefusesTwoLastEventIDs(t *testing.T) {
	h := newHarness(t)
	h.serveHistory(6)
	request := "GET " + streamPath + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: " + bearer(t, token.Staff) +
		"\r\nLast-Event-ID: 4\r\nLast-Event-ID: 5\r\n\r\n"
	if got := h.sendRaw(request); got != 400 {
		t.Errorf("got %d, want 400", got)
	}
}

// A stream has no entity tag that If-Match could name.
func TestTrackingEvaluatesIfMatch(t *testing.T) {
	h := newHarness(t)
	h.serveHistory(6)
	for value, want := range map[string]int{`"6"`: 412, "*": 204} {
		request := "GET " + streamPath + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: " + bearer(t, token.Staff) +
			"\r\nLast-Event-ID: 6\r\nIf-Match: " + value + "\r\n\r\n"
		if got := h.sendRaw(request); got != want {
			t.Errorf("If-Match %s: got %d, want %d", value, got, want)
		}
	}
}

package main

import (
	"strings"
	"testing"

	"comanda/services/internal/token"
)

// A polyfill of EventSource cannot set the header and sends the query parameter. A browser that reconnects sends both: the
// header is the newer one.
func TestTrackingResumesFromTheHeaderOrTheParameter(t *testing.T) {
	h := newHarness(t)
	h.serveHistory(6)
	staff := bearer(t, token.Staff)
	for _, tc := range []struct {
		query   string
		header  []string
		status  int
		firstID string // of the first event
	}{
		{"", nil, 200, "id: 6\n"}, // the latest
		{"", []string{"4"}, 200, "id: 5\n"},
		{"?lastEventId=4", nil, 200, "id: 5\n"},
		{"?lastEventId=0", nil, 200, "id: 1\n"},
		{"?lastEventId=2", []string{"4"}, 200, "id: 5\n"},
		{"?lastEventId=2", []string{""}, 200, "id: 3\n"},
		{"?lastEventId=x", []string{"4"}, 200, "id: 5\n"},
		{"?lastEventId=", nil, 200, "id: 6\n"},
		{"", []string{"6"}, 204, ""}, // it has the final status: the client must not reconnect for ever
		{"?lastEventId=6", nil, 204, ""},
		{"?lastEventId=7", nil, 204, ""},
		{"", []string{"x"}, 400, ""},
		{"", []string{"-1"}, 400, ""},
		{"", []string{"+1"}, 400, ""},
		{"", []string{"1.5"}, 400, ""},
		{"?lastEventId=x", nil, 400, ""},
		{"?lastEventId=-1", nil, 400, ""},
		{"?lastEventId=4&lastEventId=5", nil, 400, ""},
		{"?Last-Event-ID=4", nil, 400, ""},
		{"?lastEventId=99999999999999999999", nil, 400, ""},
	} {
		headers := []string{"Authorization", staff}
		if tc.header != nil {
			headers = append(headers, "Last-Event-ID", tc.header[0])
		}
		resp, next := h.openStreamAt(streamPath+tc.query, headers...)
		if resp.StatusCode != tc.status {
			t.Errorf("%q, header %q: got %d, want %d", tc.query, tc.header, resp.StatusCode, tc.status)
			continue
		}
		if got := next(); tc.status == 200 && !strings.Contains(got, tc.firstID) {
			t.Errorf("%q, header %q: got %q, want %q first", tc.query, tc.header, got, tc.firstID)
		}
	}
}

// A token in a URL would end up in logs and histories: it is never accepted.
func TestTrackingRefusesATokenInTheURL(t *testing.T) {
	h := newHarness(t)
	h.serveHistory(6)
	staff := bearer(t, token.Staff)
	for _, name := range []string{"access_token", "token", "authorization"} {
		query := "?" + name + "=" + strings.TrimPrefix(staff, "Bearer ")
		if resp, _ := h.openStreamAt(streamPath + query); resp.StatusCode != 401 {
			t.Errorf("%s alone: got %d, want 401", name, resp.StatusCode)
		}
		if resp, _ := h.openStreamAt(streamPath+query, "Authorization", staff); resp.StatusCode != 400 {
			t.Errorf("%s beside the header: got %d, want 400", name, resp.StatusCode)
		}
	}
}

// A HEAD of a stream has its headers, ends at once and watches nothing.
func TestHeadOfAStream(t *testing.T) {
	h := newHarness(t)
	t.Cleanup(func() { close(h.stop) }) // ends the streams
	h.serveHistory(1)
	staff := bearer(t, token.Staff)
	get, _ := h.openStream("Authorization", staff)
	head := h.send("HEAD", streamPath, "", "Authorization", staff)
	for _, name := range []string{"Content-Type", "Cache-Control", "X-Accel-Buffering"} {
		if head.StatusCode != 200 || head.text != "" || head.Header.Get(name) != get.Header.Get(name) {
			t.Errorf("got %d with %s %q, want 200 with %q", head.StatusCode, name, head.Header.Get(name), get.Header.Get(name))
		}
	}
	if got := h.gateway.hub.watcherCount(); got != 1 {
		t.Errorf("got %d watchers, want that of the GET", got)
	}
	for path, want := range map[string]int{streamPath + "?lastEventId=x": 400, prefix + "/orders/7/events": 404} {
		if got := h.send("HEAD", path, "", "Authorization", staff); got.StatusCode != want {
			t.Errorf("HEAD %s: got %d, want %d", path, got.StatusCode, want)
		}
	}
	h.serveHistory(6)
	if got := h.send("HEAD", streamPath+"?lastEventId=6", "", "Authorization", staff); got.StatusCode != 204 {
		t.Errorf("HEAD after the final status: got %d, want 204", got.StatusCode)
	}
}

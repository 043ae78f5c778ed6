package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"comanda/services/event"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

const streamPath = prefix + "/orders/" + orderID + "/events"

// serveHistory makes the fake order service respond with a history of the given number of versions.
func (h *harness) serveHistory(versions int) {
	h.sidecar.respondWith(func(rw http.ResponseWriter, _ *http.Request) {
		var items []map[string]any
		for i := range versions {
			items = append(items, map[string]any{"version": i + 1, "status": orderCourse[i], "at": "2026-01-02T03:04:05Z"})
		}
		_ = rest.JSON(rw, http.StatusOK, map[string]any{"orderId": orderID, "customerId": account, "items": items})
	})
}

// openStream opens a stream and returns a function that reads its next event.
func (h *harness) openStream(headers ...string) (*http.Response, func() string) {
	h.t.Helper()
	return h.openStreamAt(streamPath, headers...)
}

// openStreamAt is openStream for a path with a query.
func (h *harness) openStreamAt(path string, headers ...string) (*http.Response, func() string) {
	h.t.Helper()
	req, _ := http.NewRequest("GET", h.server.URL+path, nil)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = resp.Body.Close() })
	lines := bufio.NewReader(resp.Body)
	return resp, func() string {
		var block strings.Builder
		for {
			line, err := lines.ReadString('\n')
			block.WriteString(line)
			if line == "\n" || err != nil {
				return block.String()
			}
		}
	}
}

// deliverStatus delivers an order.status.changed event to the gateway.
func (h *harness) deliverStatus(version int, status event.Status) {
	data := fmt.Sprintf(`{"orderId":%q,"version":%d,"status":%q,"at":"2026-01-02T03:04:05Z"}`, orderID, version, status)
	const kind = "order.status.changed.v1"
	body := fmt.Sprintf(`{"id":"e","type":%q,"data":%s,"signature":%q}`, kind, data,
		servicetest.SignEvent(h.t, "order.status.changed", kind, "", []byte(data)))
	r := httptest.NewRequest("POST", "/events/order.status.changed", strings.NewReader(body))
	rec := httptest.NewRecorder()
	h.gateway.eventHandler().ServeHTTP(rec, r)
	if !strings.Contains(rec.Body.String(), "SUCCESS") {
		h.t.Errorf("event of version %d: got %d %s, want SUCCESS", version, rec.Code, rec.Body)
	}
}

func TestTrackingSendsEveryChange(t *testing.T) {
	h := newHarness(t)
	h.serveHistory(1)
	customer := bearer(t, token.Customer)
	resp, next := h.openStream("Authorization", customer)
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" ||
		resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("got %d %v, want a 200 event stream", resp.StatusCode, resp.Header)
	}
	want := func(version int, status event.Status) {
		t.Helper()
		block := fmt.Sprintf("event: status\nid: %d\n"+
			"data: {\"orderId\":%q,\"status\":%q,\"version\":%d,\"at\":\"2026-01-02T03:04:05Z\"}\n\n", version, orderID, status, version)
		if got := next(); got != block {
			t.Errorf("got %q\nwant %q", got, block)
		}
	}
	want(1, event.StatusPending)
	h.deliverStatus(2, event.StatusConfirmed)
	want(2, event.StatusConfirmed)
	h.deliverStatus(3, event.StatusCancelled)
	want(3, event.StatusCancelled)
	if got := next(); got != "" {
		t.Errorf("after the final status: got %q, want the end of the stream", got)
	}
	requests := h.sidecar.takeRequests()
	if len(requests) != 1 || requests[0].uri != "/v1.0/invoke/order/method/orders/"+orderID+"/history" ||
		requests[0].header.Get("Authorization") != customer {
		t.Errorf("got calls %+v, want one of the history with the client's token", requests)
	}
}

func TestTrackingResumesAfterLastEventID(t *testing.T) {
	h := newHarness(t)
	h.serveHistory(6)
	_, next := h.openStream("Authorization", bearer(t, token.Staff), "Last-Event-ID", "4")
	for _, id := range []string{"id: 5", "id: 6"} {
		if got := next(); !strings.Contains(got, id) {
			t.Errorf("got %q, want %s", got, id)
		}
	}
	if resp, _ := h.openStream("Authorization", bearer(t, token.Staff), "Last-Event-ID", "6"); resp.StatusCode != 204 {
		t.Errorf("resumed after the final status: got %d, want 204", resp.StatusCode)
	}
}

func TestTrackingRefusesInvalidRequests(t *testing.T) {
	h := newHarness(t, func(c *config) { c.PerOrder = 1 })
	if resp, _ := h.openStream(); resp.StatusCode != 401 {
		t.Errorf("no token: got %d, want 401", resp.StatusCode)
	}
	if resp, _ := h.openStream("Authorization", bearer(t)); resp.StatusCode != 403 {
		t.Errorf("no role: got %d, want 403", resp.StatusCode)
	}
	if got := h.send("GET", prefix+"/orders/7/events", "", "Authorization", bearer(t, token.Customer)); got.StatusCode != 404 {
		t.Errorf("not a UUID: got %d, want 404", got.StatusCode)
	}
	if len(h.sidecar.takeRequests()) != 0 {
		t.Error("a refused request reached the sidecar")
	}
	h.sidecar.respondWith(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/problem+json")
		rw.WriteHeader(http.StatusNotFound)
		_, _ = fmt.Fprint(rw, `{"type":"/problems/not-found","status":404,"instance":"/orders/x/history"}`)
	})
	got := h.send("GET", streamPath, "", "Authorization", bearer(t, token.Customer))
	if got.StatusCode != 404 || got.problem().Instance != streamPath {
		t.Errorf("another customer's order: got %d %s, want 404 with the client's path", got.StatusCode, got.text)
	}
	h.sidecar.respondWith(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(500) })
	if got := h.send("GET", streamPath, "", "Authorization", bearer(t, token.Customer)); got.StatusCode != 503 {
		t.Errorf("order unavailable: got %d, want 503", got.StatusCode)
	}
	h.serveHistory(1)
	_, next := h.openStream("Authorization", bearer(t, token.Customer))
	next()
	if resp, _ := h.openStream("Authorization", bearer(t, token.Customer)); resp.StatusCode != 429 ||
		resp.Header.Get("Retry-After") == "" {
		t.Errorf("over the limit per order: got %d, want 429 with Retry-After", resp.StatusCode)
	}
}

func TestTrackingEndsWhenTheTokenExpires(t *testing.T) {
	h := newHarness(t)
	h.serveHistory(1)
	text, _ := secret.Sign(account, []string{token.Customer}, time.Now().Add(2*time.Second-token.TTL))
	_, next := h.openStream("Authorization", "Bearer "+text)
	next()
	if got := next(); got != "" {
		t.Errorf("after the token expired: got %q, want the end of the stream", got)
	}
}

func TestTrackingEndsWhenTheGatewayStops(t *testing.T) {
	h := newHarness(t)
	h.serveHistory(1)
	_, next := h.openStream("Authorization", bearer(t, token.Customer))
	next()
	close(h.stop)
	if got := next(); got != "retry: 1000\n\n" {
		t.Errorf("got %q, want the retry time", got)
	}
}

// TestNoChangeIsLostBetweenHistoryAndHub delivers a change while the gateway reads the history.
func TestNoChangeIsLostBetweenHistoryAndHub(t *testing.T) {
	h := newHarness(t)
	h.sidecar.respondWith(func(rw http.ResponseWriter, _ *http.Request) {
		h.deliverStatus(2, event.StatusCancelled)
		items := []map[string]any{{"version": 1, "status": "PENDING", "at": "2026-01-02T03:04:05Z"}}
		_ = rest.JSON(rw, http.StatusOK, map[string]any{"orderId": orderID, "items": items})
	})
	_, next := h.openStream("Authorization", bearer(t, token.Customer))
	for _, id := range []string{"id: 1", "id: 2"} {
		if got := next(); !strings.Contains(got, id) {
			t.Errorf("got %q, want %s", got, id)
		}
	}
}

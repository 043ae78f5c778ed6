package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// One question is about up to 100 watched orders, so 251 orders cost three. A stream that has missed a change reads the history.
func TestManyStreamsCostFewQuestions(t *testing.T) {
	h := newHarness(t)
	t.Cleanup(func() { close(h.stop) })
	h.gateway.hub = newHub(watcherLimits{1000, 10, 10, 10, 10})
	if err := h.gateway.checkVersions(t.Context()); err != nil || len(h.sidecar.takeRequests()) != 0 {
		t.Errorf("without streams: got error %v or a call, want none", err)
	}
	h.serveHistory(1)
	staff := bearer(t, token.Staff)
	_, next := h.openStream("Authorization", staff)
	next()
	for i := range 250 {
		if _, err := h.gateway.hub.addWatcher(fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), viewer{account: fmt.Sprint(i), address: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	h.serveHistory(2) // the event is lost
	var questions, ids atomic.Int32
	history := h.sidecar.handle
	h.sidecar.respondWith(func(rw http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/order/method/tracking/orders") {
			history(rw, r)
			return
		}
		questions.Add(1)
		ids.Add(int32(len(r.URL.Query()["id"])))
		items := []map[string]any{}
		for _, id := range r.URL.Query()["id"] {
			if id == orderID {
				items = append(items, map[string]any{"id": id, "status": "CONFIRMED", "version": 2})
			}
		}
		_ = rest.JSON(rw, http.StatusOK, map[string]any{"items": items})
	})
	if err := h.gateway.checkVersions(t.Context()); err != nil || questions.Load() != 3 || ids.Load() != 251 {
		t.Errorf("got %v, %d questions about %d orders, want 3 about 251", err, questions.Load(), ids.Load())
	}
	if got := next(); !strings.Contains(got, "id: 2\n") {
		t.Errorf("got %q, want the change whose event is lost", got)
	}
}

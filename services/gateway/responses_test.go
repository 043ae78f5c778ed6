package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"comanda/services/internal/token"
)

// Clients that request large responses and do not read them can hold no more memory than the share of one address. A POST that has taken
// effect is answered all the same.
func TestUnreadResponsesAreBounded(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	large := `{"items":["` + strings.Repeat("x", 4<<20-100) + `"]}`
	h.sidecar.respondWith(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, large)
	})
	refused := func() bool { return h.send("GET", prefix+"/products", "").StatusCode == http.StatusTooManyRequests }
	for held := 0; !refused(); held++ {
		if held == 50 {
			t.Fatal("50 responses of 4 MiB that are not read were not enough for a refusal, want 8 MiB to be enough")
		}
		conn, err := net.Dial("tcp", strings.TrimPrefix(h.server.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(conn, "GET "+prefix+"/products HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := conn.Read(make([]byte, 1)); err != nil { // the response has begun
			t.Fatal(err)
		}
	}
	got := h.send("POST", prefix+"/orders/"+orderID+"/cancel", "", "Authorization", bearer(t, token.Customer))
	if got.StatusCode != http.StatusOK {
		t.Errorf("a POST: got %d, want 200", got.StatusCode)
	}
}

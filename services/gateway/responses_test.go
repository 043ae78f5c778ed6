package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"comanda/services/internal/rest"
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

// The lists of dead letters that the gateway merges count too, all of them together.
func TestMergedResponsesAreBounded(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	size := 1 << 20
	h.sidecar.respondWith(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"items":[]`+strings.Repeat(" ", size-12)+`}`)
	})
	if got := h.send("GET", prefix+"/dead-letters", "", "Authorization", bearer(t, token.Admin)); got.StatusCode != http.StatusOK {
		t.Errorf("four lists of 1 MiB: got %d, want 200", got.StatusCode)
	}
	size = 3 << 20 // four of them are more than the share of a client, 8 MiB
	if got := h.send("GET", prefix+"/dead-letters", "", "Authorization", bearer(t, token.Admin)); got.StatusCode != http.StatusTooManyRequests {
		t.Errorf("four lists of 3 MiB: got %d, want 429", got.StatusCode)
	}
}

// Large responses that arrive at the same time are bounded before they are in memory, not when they have arrived.
func TestArrivingResponsesAreBounded(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	const half = rest.MaxResponse / 2
	begun, release := make(chan struct{}), make(chan struct{})
	finish := sync.OnceFunc(func() { close(release) })
	t.Cleanup(finish)
	h.sidecar.respondWith(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, strings.Repeat(" ", half))
		_ = http.NewResponseController(w).Flush()
		begun <- struct{}{}
		<-release
		_, _ = io.WriteString(w, "{}")
	})
	answered := make(chan int, 5)
	get := func() { answered <- h.send("GET", prefix+"/products", "").StatusCode }
	const most = 4 // that have half of their response fit into the share of a client, 8 MiB
	for range most {
		go get()
		<-begun
	}
	go get()
	go func() { <-begun }() // the service of the fifth
	select {
	case got := <-answered:
		if got != http.StatusTooManyRequests {
			t.Errorf("one of five responses that are arriving: got %d, want 429", got)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("five responses are arriving, want one refused")
	}
	finish()
	for range most {
		if got := <-answered; got != http.StatusOK && got != http.StatusTooManyRequests {
			t.Errorf("a response that had begun: got %d, want 200, or 429 for its last bytes", got)
		}
	}
}

package rest_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

// bodyServer serves POST routes that read their body. Until release is closed, the handler keeps each body it has read.
type bodyServer struct {
	*httptest.Server
	registry *prometheus.Registry
	read     chan struct{} // receives a value when a body is complete
	release  chan struct{}
}

func newBodyServer(t *testing.T) *bodyServer {
	t.Helper()
	s := &bodyServer{registry: prometheus.NewRegistry(), read: make(chan struct{}, 2000),
		release: make(chan struct{})}
	handle := func(w http.ResponseWriter, r *http.Request) error {
		rest.SetClient(r.Context(), r.Header.Get("Client"))
		if _, err := rest.OptionalBody(w, r); err != nil {
			return err
		}
		s.read <- struct{}{}
		<-s.release
		return rest.JSON(w, http.StatusOK, nil)
	}
	router := rest.Router(slog.New(slog.DiscardHandler), token.Verifier{}, []rest.Route{
		{Method: "POST", Path: "/small", Access: rest.Tokenless, Handle: handle, Body: rest.SmallBody},
		{Method: "POST", Path: "/default", Access: rest.Tokenless, Handle: handle},
		{Method: "POST", Path: "/large", Access: rest.Tokenless, Handle: handle, Body: rest.LargeBody},
	})
	bodies := rest.NewBodies(s.registry)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bodies.Serve(w, r, router) }))
	t.Cleanup(s.Close)
	return s
}

func (s *bodyServer) post(t *testing.T, path, client string, body io.Reader) (int, string) {
	t.Helper()
	req, _ := http.NewRequest("POST", s.URL+path, body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Client", client)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("Retry-After")
}

// Every route has its own size limit, for bodies of known and of unknown length.
func TestEachRouteLimitsItsBody(t *testing.T) {
	t.Parallel()
	s := newBodyServer(t)
	close(s.release)
	for path, limit := range map[string]int{"/small": 4 << 10, "/default": 16 << 10, "/large": 32 << 10} {
		for _, size := range []int{limit, limit + 1} {
			want := map[bool]int{true: 200, false: 413}[size == limit]
			text := `"` + strings.Repeat("x", size-2) + `"`
			for kind, body := range map[string]io.Reader{"known": strings.NewReader(text), "chunked": io.MultiReader(strings.NewReader(text))} {
				if got, _ := s.post(t, path, "", body); got != want {
					t.Errorf("%s, %d bytes, %s length: got %d, want %d", path, size, kind, got, want)
				}
			}
		}
	}
	s.awaitHeld(t, 0)
	servicetest.WantMetrics(t, s.registry, "comanda_bodies_refused_total 0")
}

// hold begins n requests that announce a body of size bytes and do not send it.
func (s *bodyServer) hold(t *testing.T, n int, client, framing string) {
	t.Helper()
	for range n {
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = io.WriteString(conn, "POST /large HTTP/1.1\r\nHost: x\r\nClient: "+client+"\r\n"+framing+"\r\n\r\n")
	}
}

// awaitHeld waits until the bodies hold this memory.
func (s *bodyServer) awaitHeld(t *testing.T, bytes float64) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		families, err := s.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() != "comanda_bodies_bytes" {
				continue
			}
			held := family.GetMetric()[0].GetGauge().GetValue()
			if held == bytes {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("got %v bytes held, want %v", held, bytes)
			}
		}
	}
}

// Bodies that clients announce and do not send take memory from the start. A client gets no more than its share (429), and all
// together no more than there is (503). What ends gives its memory back.
func TestHeldBodiesAreBounded(t *testing.T) {
	t.Parallel()
	s := newBodyServer(t)
	const perClient = 128 // of 32 KiB in 4 MiB
	const small = `{"a":1}`
	s.hold(t, perClient, "a", "Content-Length: 32768")
	s.awaitHeld(t, 4<<20)
	if got, after := s.post(t, "/large", "a", strings.NewReader(small)); got != http.StatusTooManyRequests || after == "" {
		t.Errorf("a body beyond the share of a client: got %d, Retry-After %q, want 429", got, after)
	}
	for _, client := range []string{"b", "c"} { // a chunked body counts as the limit of its route
		s.hold(t, perClient, client, "Transfer-Encoding: chunked")
	}
	s.hold(t, perClient-1, "d", "Transfer-Encoding: chunked")
	answered := make(chan int)
	go func() {
		status, _ := s.post(t, "/large", "e", strings.NewReader(`"`+strings.Repeat("x", 32<<10-2)+`"`)) // takes the rest
		answered <- status
	}()
	<-s.read
	s.awaitHeld(t, 16<<20)
	if got, after := s.post(t, "/large", "f", strings.NewReader(small)); got != http.StatusServiceUnavailable || after == "" {
		t.Errorf("a body beyond the memory of the process: got %d, Retry-After %q, want 503", got, after)
	}
	servicetest.WantMetrics(t, s.registry, "comanda_bodies_bytes 1.6777216e+07", "comanda_bodies_refused_total 2")
	close(s.release)
	if got := <-answered; got != http.StatusOK {
		t.Errorf("the last body that fits: got %d, want 200", got)
	}
	if got, _ := s.post(t, "/large", "f", strings.NewReader(small)); got != http.StatusOK {
		t.Errorf("after a body has ended: got %d, want 200", got)
	}
}

// A chunked body keeps only the memory that it needs once it is complete.
func TestAChunkedBodyReturnsWhatItDoesNotNeed(t *testing.T) {
	t.Parallel()
	s := newBodyServer(t)
	answered := make(chan int)
	go func() {
		status, _ := s.post(t, "/large", "a", io.MultiReader(strings.NewReader(`{"a":1}`)))
		answered <- status
	}()
	<-s.read
	s.awaitHeld(t, 512) // what io.ReadAll allocates first
	close(s.release)
	<-answered
	s.awaitHeld(t, 0)
}

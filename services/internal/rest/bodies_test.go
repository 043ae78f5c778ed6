package rest_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

// bodyServer serves POST routes that read their body. Until release is called, the handler keeps each body it has read.
type bodyServer struct {
	*httptest.Server
	registry *prometheus.Registry
	read     chan struct{} // receives a value when a body is complete
	held     chan struct{} // closed by release
	release  func()        // ends the requests whose bodies are complete
}

func newBodyServer(t *testing.T) *bodyServer {
	t.Helper()
	s := &bodyServer{registry: prometheus.NewRegistry(), read: make(chan struct{}, 2000), held: make(chan struct{})}
	s.release = sync.OnceFunc(func() { close(s.held) })
	handle := func(w http.ResponseWriter, r *http.Request) error {
		rest.SetClient(r.Context(), r.Header.Get("Client"))
		if _, err := rest.OptionalBody(w, r); err != nil {
			return err
		}
		s.read <- struct{}{}
		<-s.held
		return rest.JSON(w, http.StatusOK, nil)
	}
	router := rest.Router(slog.New(slog.DiscardHandler), token.Verifier{}, []rest.Route{
		{Method: "POST", Path: "/small", Access: rest.Tokenless, Handle: handle, Body: rest.SmallBody},
		{Method: "POST", Path: "/default", Access: rest.Tokenless, Handle: handle},
		{Method: "POST", Path: "/large", Access: rest.Tokenless, Handle: handle, Body: rest.LargeBody},
	})
	bodies := rest.NewBodies(s.registry)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { bodies.Serve(w, r, router) }))
	t.Cleanup(func() { s.release(); s.Close() })
	return s
}

func (s *bodyServer) post(t *testing.T, path, client string, body io.Reader) (int, string) {
	t.Helper()
	req, _ := http.NewRequest("POST", s.URL+path, body)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Client", client)
	resp, err := (&http.Client{Timeout: 5 * time.Second}).Do(req)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	_ = resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("Retry-After")
}

// Every route has its own size limit, for bodies of known and of unknown length.
func TestEachRouteLimitsItsBody(t *testing.T) {
	t.Parallel()
	s := newBodyServer(t)
	s.release()
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
	servicetest.WantMetrics(t, s.registry, `comanda_bodies_refused_total{kind="request"} 0`)
}

// hold begins n requests of a client. The header framing announces a body, which they do not send.
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

// awaitHeld waits until the bodies of requests hold so many bytes.
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
			held := family.GetMetric()[0].GetGauge().GetValue() // kind="request" is the first
			if held == bytes {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("got %v bytes held, want %v", held, bytes)
			}
		}
	}
}

// A body that a client announces takes memory at once, even if the client does not send it. A client gets no more than its share (429),
// and all clients together no more than the total (503). A request that ends gives its memory back.
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
	servicetest.WantMetrics(t, s.registry, `comanda_bodies_bytes{kind="request"} 1.6777216e+07`, `comanda_bodies_refused_total{kind="request"} 2`)
	s.release()
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
	s.release()
	<-answered
	s.awaitHeld(t, 0)
}

// Responses that clients read slowly take memory of their own, and give it back when the request ends.
func TestHeldResponsesAreBounded(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	bodies := rest.NewBodies(registry)
	pass := func(client string, then func(), sizes ...int) (kinds []fault.Kind) {
		bodies.Serve(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			rest.SetClient(r.Context(), client)
			for _, size := range sizes {
				if err := rest.ReserveResponse(r.Context(), size); err != nil {
					kinds = append(kinds, fault.From(err).Kind)
				}
			}
			then()
		}))
		return kinds
	}
	const share = 8 << 20
	var got []fault.Kind
	pass("a", func() {
		got = append(got, pass("a", func() {}, 1)...)
		pass("b", func() {
			pass("c", func() { pass("d", func() { got = append(got, pass("e", func() {}, 1)...) }, share) }, share)
		}, share)
	}, share)
	if !slices.Equal(got, []fault.Kind{fault.KindLimited, fault.KindUnavailable}) {
		t.Errorf("got the errors %v, want Limited for one client, Unavailable for all", got)
	}
	servicetest.WantMetrics(t, registry, `comanda_bodies_bytes{kind="response"} 0`, `comanda_bodies_refused_total{kind="response"} 2`)
}

// deadlineRecorder records the read deadline of a connection.
type deadlineRecorder struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (d *deadlineRecorder) SetReadDeadline(deadline time.Time) error {
	d.deadline = deadline
	return nil
}

// A body has a deadline until it is complete. Afterwards the deadline would end the request while the service works, or a stream.
func TestOnlyABodyHasADeadline(t *testing.T) {
	t.Parallel()
	bodies := rest.NewBodies(prometheus.NewRegistry())
	for name, tc := range map[string]struct {
		body          io.Reader
		read          func(w http.ResponseWriter, r *http.Request) error
		before, after bool // is there a deadline?
	}{
		"no body":            {nil, rest.RefuseBody, false, false},
		"a body":             {strings.NewReader("{}"), readOptional, true, false},
		"a chunked body":     {io.MultiReader(strings.NewReader("{}")), readOptional, true, false},
		"chunked and empty":  {io.MultiReader(), rest.RefuseBody, true, false},
		"a body not read":    {strings.NewReader("{}"), func(http.ResponseWriter, *http.Request) error { return nil }, true, true},
		"a body too large":   {strings.NewReader(strings.Repeat(" ", rest.DefaultBody+1)), readOptional, true, true},
		"a body not allowed": {strings.NewReader("{}"), rest.RefuseBody, true, true},
	} {
		w := &deadlineRecorder{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequest("POST", "/", tc.body)
		r.Header.Set("Content-Type", "application/json")
		bodies.Serve(w, r, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			before := !w.deadline.IsZero()
			_ = tc.read(w, r)
			if after := !w.deadline.IsZero(); before != tc.before || after != tc.after {
				t.Errorf("%s: got a deadline before %t, after %t, want %t and %t", name, before, after, tc.before, tc.after)
			}
		}))
	}
}

func readOptional(w http.ResponseWriter, r *http.Request) error {
	_, err := rest.OptionalBody(w, r)
	return err
}

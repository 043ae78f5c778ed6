package server_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/server"
	"comanda/services/internal/servicetest"
)

// caller is a connection from a loopback address of its own.
type caller struct {
	net.Conn
	lines *bufio.Reader
}

func connect(t *testing.T, r running, from string) caller {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(8 * time.Second))
	return caller{conn, bufio.NewReader(conn)}
}

// get requests path and returns the status; 0 when the server has closed the connection.
func (c caller) get(path string, headers ...string) (status int, closes bool) {
	_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: x\r\n"+strings.Join(append(headers, "\r\n"), "\r\n"))
	return c.response()
}

func (c caller) response() (status int, closes bool) {
	resp, err := http.ReadResponse(c.lines, nil)
	if err != nil {
		return 0, true
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Close
}

// boundedService has room for few connections. A request to /hold sends on held and is answered when release is closed.
type boundedService struct {
	running
	registry *prometheus.Registry
	held     chan struct{}
	release  chan struct{}
}

func startBounded(t *testing.T, total, perClient int) boundedService {
	t.Helper()
	s := boundedService{registry: prometheus.NewRegistry(), held: make(chan struct{}), release: make(chan struct{})}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hold" {
			s.held <- struct{}{}
			<-s.release
		}
		_, _ = io.WriteString(w, "inside")
	})
	s.running = start(t, server.Service{Handler: respondWith("event"), Public: handler, Metrics: s.registry,
		MaxConnections: total, MaxPerClient: perClient, ClientOf: netip.Addr.String})
	waitFor(t, func() bool { // the connections of start would lose their place first
		http.DefaultClient.CloseIdleConnections()
		return strings.Contains(servicetest.ScrapeMetrics(t, s.registry), "\ncomanda_connections 0\n")
	})
	return s
}

// hold opens a connection on which the service serves a request until release is closed.
func (s boundedService) hold(t *testing.T, from string) caller {
	t.Helper()
	c := connect(t, s.running, from)
	_, _ = io.WriteString(c, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n")
	<-s.held
	return c
}

// A new connection replaces the connection that has waited longest without a request, and never one that is being served.
func TestANewConnectionTakesThePlaceOfAnUnusedOne(t *testing.T) {
	t.Parallel()
	s := startBounded(t, 2, 0)
	busy := s.hold(t, "127.0.0.2")
	unused := connect(t, s.running, "127.0.0.3")
	if status, _ := connect(t, s.running, "127.0.0.4").get("/x"); status != http.StatusOK {
		t.Errorf("a new connection: got %d, want 200", status)
	}
	if status, _ := unused.get("/x"); status != 0 {
		t.Errorf("the unused connection: got %d, want it closed", status)
	}
	close(s.release)
	if status, _ := busy.response(); status != http.StatusOK {
		t.Errorf("the busy connection: got %d, want 200", status)
	}
	servicetest.WantMetricPrefixes(t, s.registry, `comanda_connections_refused_total{limit="total"} `)
}

// When every connection is busy, health checks are still answered, and every other request is refused at once.
func TestHealthChecksAreAnsweredWhenAllConnectionsAreBusy(t *testing.T) {
	t.Parallel()
	s := startBounded(t, 2, 0)
	s.hold(t, "127.0.0.2")
	s.hold(t, "127.0.0.2")
	for _, path := range []string{"/healthz", "/healthz/app", "/readyz"} {
		if status, closes := connect(t, s.running, "127.0.0.3").get(path); status != http.StatusOK || !closes {
			t.Errorf("%s: got %d, closes %t, want 200 and the connection closed", path, status, closes)
		}
	}
	if status, closes := connect(t, s.running, "127.0.0.3").get("/x"); status != http.StatusServiceUnavailable || !closes {
		t.Errorf("another request: got %d, closes %t, want 503 and the connection closed", status, closes)
	}
	if status, _ := connect(t, s.running, "127.0.0.3").get("/events/x", "dapr-api-token: app"); status != http.StatusOK {
		t.Errorf("the sidecar: got %d, want 200", status)
	}
	close(s.release)
}

// Each client has its own limit. Other clients, and the sidecar from the same address, are not affected when it is reached.
func TestConnectionsOfOneClientAreBounded(t *testing.T) {
	t.Parallel()
	s := startBounded(t, 100, 2)
	sidecar := connect(t, s.running, "127.0.0.2")
	if status, _ := sidecar.get("/events/x", "dapr-api-token: app"); status != http.StatusOK {
		t.Fatalf("the sidecar: got %d, want 200", status)
	}
	s.hold(t, "127.0.0.2")
	s.hold(t, "127.0.0.2")
	if status, closes := connect(t, s.running, "127.0.0.2").get("/x"); status != http.StatusTooManyRequests || !closes {
		t.Errorf("a connection over the limit of a client: got %d, closes %t, want 429 and the connection closed", status, closes)
	}
	if status, _ := connect(t, s.running, "127.0.0.2").get("/healthz/app"); status != http.StatusOK {
		t.Errorf("a health check from the same address, such as the sidecar's: got %d, want 200", status)
	}
	if status, _ := connect(t, s.running, "127.0.0.4").get("/x"); status != http.StatusOK {
		t.Errorf("another client: got %d, want 200", status)
	}
	if status, _ := sidecar.get("/events/x", "dapr-api-token: app"); status != http.StatusOK {
		t.Errorf("the sidecar, from the same address: got %d, want 200", status)
	}
	servicetest.WantMetrics(t, s.registry, `comanda_connections_refused_total{limit="client"} 2`,
		`comanda_connections_refused_total{limit="total"} 0`)
	close(s.release)
}

// The connections of the sidecar are never replaced, however long they are idle, and do not count towards the limits of clients.
func TestTheSidecarKeepsItsConnections(t *testing.T) {
	t.Parallel()
	s := startBounded(t, 2, 0)
	var sidecar []caller
	for range 5 {
		c := connect(t, s.running, "127.0.0.2")
		if status, _ := c.get("/events/x", "dapr-api-token: app"); status != http.StatusOK {
			t.Fatalf("the sidecar: got %d, want 200", status)
		}
		sidecar = append(sidecar, c)
	}
	for range 10 {
		if status, _ := connect(t, s.running, "127.0.0.3").get("/x"); status != http.StatusOK {
			t.Errorf("a client: got %d, want 200", status)
		}
	}
	for _, c := range sidecar {
		if status, _ := c.get("/events/x", "dapr-api-token: app"); status != http.StatusOK {
			t.Errorf("an idle connection of the sidecar: got %d, want 200", status)
		}
	}
}

// A request with a body that the service refuses closes the connection at once, without waiting for the body.
func TestARefusedBodyIsNotAwaited(t *testing.T) {
	t.Parallel()
	r := start(t, server.Service{Handler: respondWith("inside")})
	for path, want := range map[string]int{"/events/x": 401, "/orders": 401, "/healthz": 405, "/metrics": 405} {
		c := connect(t, r, "127.0.0.2")
		begun := time.Now()
		_, _ = io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
		if status, closes := c.response(); status != want || !closes {
			t.Errorf("%s: got %d, closes %t, want %d and the connection closed", path, status, closes, want)
		}
		_, err := io.Copy(io.Discard, c)
		if timeout, isNet := err.(net.Error); isNet && timeout.Timeout() || time.Since(begun) > 7*time.Second {
			t.Errorf("%s: the connection is still open", path)
		}
	}
}

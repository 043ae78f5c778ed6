package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/rest"
	"comanda/services/internal/server"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

const (
	account = "6b9a8f5e-0b7e-4b0c-9d5f-0d2a3b1c4d5e"
	orderID = "0b8e7c1a-3f1d-4a5e-8a59-6f0f8f2f7c11"
)

var secret = token.Secret("0123456789abcdef0123456789abcdef")

// fakeSidecar replaces daprd and the services behind it. It records the requests it receives and responds as a test sets it.
// tests/journey covers the gateway with the real daprd.
type fakeSidecar struct {
	*httptest.Server
	mu     sync.Mutex
	got    []received
	handle http.HandlerFunc
}

// received is one request as the sidecar saw it.
type received struct {
	method, uri string
	header      http.Header
	body        string
}

func newFakeSidecar(t *testing.T) *fakeSidecar {
	t.Helper()
	f := &fakeSidecar{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.got = append(f.got, received{r.Method, r.RequestURI, r.Header.Clone(), string(body)})
		handle := f.handle
		f.mu.Unlock()
		if handle == nil {
			handle = func(w http.ResponseWriter, _ *http.Request) {
				_ = rest.JSON(w, http.StatusOK, map[string]string{"from": "service"})
			}
		}
		handle(w, r)
	}))
	t.Cleanup(f.Close)
	return f
}

// respondWith sets the handler of all further requests.
func (f *fakeSidecar) respondWith(handle http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handle = handle
}

// takeRequests returns the requests received since the last call.
func (f *fakeSidecar) takeRequests() []received {
	f.mu.Lock()
	defer f.mu.Unlock()
	got := f.got
	f.got = nil
	return got
}

// harness runs a gateway on its own port, with a fake sidecar.
type harness struct {
	t       *testing.T
	sidecar *fakeSidecar
	gateway *gateway
	server  *httptest.Server
	stop    chan struct{}
	log     *bytes.Buffer
}

func newHarness(t *testing.T, changes ...func(*config)) *harness {
	t.Helper()
	sidecar := newFakeSidecar(t)
	at, _ := url.Parse(sidecar.URL)
	c := config{Keys: token.Keys{Current: secret}, EventKeys: servicetest.EventKeys, Watchers: 10, PerOrder: 10, PerAccount: 10,
		PerStaff: 10, PerAddress: 10, Waits: 10, WaitsPerClient: 5, Calls: 100}
	c.Sidecar.Host, c.Sidecar.APIToken = server.Host(at.Hostname()), "dapr-token"
	_ = c.Sidecar.HTTPPort.UnmarshalText([]byte(at.Port()))
	for _, change := range changes {
		change(&c)
	}
	stop := make(chan struct{})
	var log bytes.Buffer
	g := newGateway(c, slog.New(slog.NewTextHandler(&lockedWriter{w: &log}, nil)), nil, stop)
	bodies, edge := rest.NewBodies(prometheus.NewRegistry()), g.edgeHandler()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bodies.Serve(w, r, edge) // as in package server
	}))
	server.Config.DisableGeneralOptionsHandler = true // as in package server
	server.Config.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		_ = conn.(*net.TCPConn).SetWriteBuffer(64 << 10) // so that a client that does not read holds its response in the gateway
		return ctx
	}
	server.Start()
	t.Cleanup(server.Close)
	return &harness{t, sidecar, g, server, stop, &log}
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func bearer(t *testing.T, roles ...string) string {
	t.Helper()
	text, err := secret.Sign(account, roles, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + text
}

// response is a response with its complete body.
type response struct {
	*http.Response
	text string
}

func (r response) problem() rest.Problem {
	var problem rest.Problem
	_ = json.Unmarshal([]byte(r.text), &problem)
	return problem
}

// send sends a request with headers given as name, value, name, value...
func (h *harness) send(method, path, body string, headers ...string) response {
	h.t.Helper()
	req, err := http.NewRequest(method, h.server.URL+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return response{resp, string(text)}
}

// sendRaw sends the bytes of request, which http.Client would normalise or refuse, and returns the status.
func (h *harness) sendRaw(request string) int {
	h.t.Helper()
	return rawStatus(h.t, strings.TrimPrefix(h.server.URL, "http://"), request)
}

// rawStatus sends the bytes of request to address and returns the final status.
func rawStatus(t *testing.T, address, request string) int {
	t.Helper()
	all := rawStatuses(t, address, request)
	return all[len(all)-1]
}

// rawStatuses is rawStatus with the interim statuses (1xx) before the final one.
func rawStatuses(t *testing.T, address, request string) (all []int) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(15 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	for reader := bufio.NewReader(conn); len(all) == 0 || all[len(all)-1] < 200; {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("%q: %v", request, err)
		}
		all = append(all, response.StatusCode)
	}
	return all
}

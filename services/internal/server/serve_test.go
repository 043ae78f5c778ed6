package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"comanda/services/internal/server"
)

// logBuffer is a log that tests can read while the service writes it.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// running is a service that a test has started.
type running struct {
	url  string
	log  *logBuffer
	stop func() error

	ended <-chan error
}

func start(t *testing.T, s server.Service) running {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	log := &logBuffer{}
	s.Name, s.Log = "test", slog.New(slog.NewTextHandler(log, nil))
	s.Config = server.Config{BindHost: "127.0.0.1", Port: server.Port(port), AppToken: "app"}
	if s.CheckReady == nil {
		s.CheckReady = func(context.Context) error { return nil }
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, s); close(ended) }()
	stop := sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = stop() })
	r := running{url: "http://" + listener.Addr().String(), log: log, stop: stop, ended: ended}
	waitFor(t, func() bool { code, _ := r.get("/healthz", ""); return code == http.StatusOK })
	return r
}

func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the condition did not become true within 5 s")
		}
	}
}

func (r running) get(path, token string) (int, string) {
	req, _ := http.NewRequest(http.MethodGet, r.url+path, nil)
	if token != "" {
		req.Header.Set("dapr-api-token", token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(body)
}

func respondWith(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

func TestRequestsNeedTheAppToken(t *testing.T) {
	closed := start(t, server.Service{Handler: respondWith("inside")})
	open := start(t, server.Service{Handler: respondWith("inside"), Public: respondWith("public")})
	for _, tc := range []struct {
		service running
		path    string
		token   string
		status  int
		body    string
	}{
		{closed, "/orders", "", 401, "unauthenticated"},
		{closed, "/orders", "wrong", 401, "unauthenticated"},
		{closed, "/orders", "app", 200, "inside"},
		{closed, "/readyz", "", 200, "ok"},
		{closed, "/healthz/app", "", 200, "ok"},
		{open, "/api/v1/orders", "", 200, "public"},
		{open, "/api/v1/orders", "app", 200, "public"},
		{open, "/events/x", "", 401, "unauthenticated"},
		{open, "/events/x", "wrong", 401, "unauthenticated"},
		{open, "/events/x", "app", 200, "inside"},
		{open, "/%65vents/x", "", 401, "unauthenticated"},
		{open, "//events/x", "", 200, "public"}, // the gateway has no such route
		{open, "/api/../events/x", "", 200, "public"},
	} {
		status, body := tc.service.get(tc.path, tc.token)
		if status != tc.status || !strings.Contains(body, tc.body) {
			t.Errorf("%s with token %q: got %d %s, want %d %s", tc.path, tc.token, status, body, tc.status, tc.body)
		}
	}
}

func TestStartIsRetriedUntilItSucceeds(t *testing.T) {
	var tries atomic.Int32
	background := make(chan struct{})
	r := start(t, server.Service{
		Handler: respondWith("inside"),
		Start: func(context.Context) error {
			if tries.Add(1) < 3 {
				return errors.New("no database yet")
			}
			return nil
		},
		Background: []func(context.Context){func(ctx context.Context) { close(background); <-ctx.Done() }},
	})
	if status, body := r.get("/orders", "app"); tries.Load() < 3 && status != http.StatusServiceUnavailable {
		t.Errorf("before the start: got %d %s, want 503", status, body)
	}
	waitFor(t, func() bool { status, _ := r.get("/orders", "app"); return status == http.StatusOK })
	<-background
	if got := strings.Count(r.log.String(), "no database yet"); got != 1 {
		t.Errorf("got %d log lines with the same error, want 1", got)
	}
	if err := r.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestReadyzNamesTheMissingPart(t *testing.T) {
	r := start(t, server.Service{Handler: respondWith(""),
		CheckReady:    func(context.Context) error { return errors.New("the sidecar does not answer") },
		CheckDatabase: func(context.Context) error { return errors.New("password=hunter2") }})
	if status, body := r.get("/readyz", ""); status != 503 || !strings.Contains(body, "the sidecar does not answer") {
		t.Errorf("readyz: got %d %s, want 503 with the reason", status, body)
	}
	if status, body := r.get("/healthz/app", ""); status != 503 || strings.Contains(body, "hunter2") {
		t.Errorf("healthz/app: got %d %s, want 503 without the cause", status, body)
	}
}

func TestAPanicIsA500AndTheServiceContinues(t *testing.T) {
	r := start(t, server.Service{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/abort" {
			panic(http.ErrAbortHandler)
		}
		panic("boom hunter2")
	})})
	for range 2 {
		if status, body := r.get("/orders", "app"); status != 500 || strings.Contains(body, "hunter2") {
			t.Errorf("got %d %s, want 500 without the cause", status, body)
		}
	}
	if !strings.Contains(r.log.String(), "boom hunter2") {
		t.Error("the panic is not in the log")
	}
	if status, body := r.get("/abort", "app"); status != 0 {
		t.Errorf("aborted response: got %d %s, want a broken connection", status, body)
	}
}

func TestStopWaitsForRunningRequests(t *testing.T) {
	arrived := make(chan struct{})
	r := start(t, server.Service{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		select {
		case <-time.After(200 * time.Millisecond):
			_, _ = io.WriteString(w, "done")
		case <-r.Context().Done():
			_, _ = io.WriteString(w, "cut")
		}
	})})
	response := make(chan string)
	go func() { _, body := r.get("/orders", "app"); response <- body }()
	<-arrived
	if err := r.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if got := <-response; got != "done" {
		t.Errorf("running request: got %q, want done", got)
	}
}

func TestAFailedServerStopsTheBackgroundWork(t *testing.T) {
	working := make(chan struct{})
	r := start(t, server.Service{Handler: respondWith(""), Background: []func(context.Context){func(ctx context.Context) {
		close(working)
		<-ctx.Done()
	}}})
	<-working
	breakListener(t, r.url)
	select {
	case err := <-r.ended:
		if err == nil {
			t.Error("got no error from Serve, want that of the listener")
		}
	case <-time.After(5 * time.Second):
		t.Error("Serve did not return within 5 s")
	}
}

// breakListener shuts down the socket of url's listener, so that the server's next accept fails.
func breakListener(t *testing.T, url string) {
	t.Helper()
	_, port, _ := strings.Cut(strings.TrimPrefix(url, "http://"), ":")
	for fd := range 1000 {
		listening, _ := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN)
		address, _ := syscall.Getsockname(fd)
		if inet, ok := address.(*syscall.SockaddrInet4); ok && listening == 1 && strconv.Itoa(inet.Port) == port {
			_ = syscall.Shutdown(fd, syscall.SHUT_RDWR)
			return
		}
	}
	t.Fatalf("no socket listens on %s", url)
}

func TestTheErrorForAPortInUseNamesItsSetting(t *testing.T) {
	r := start(t, server.Service{Handler: respondWith("")})
	_, port, _ := strings.Cut(strings.TrimPrefix(r.url, "http://"), ":")
	number := 0
	for _, digit := range port {
		number = number*10 + int(digit-'0')
	}
	err := server.Serve(t.Context(), server.Service{Config: server.Config{BindHost: "127.0.0.1", Port: server.Port(number)}})
	if err == nil || !strings.Contains(err.Error(), "APP_PORT") {
		t.Errorf("got error %v, want one with APP_PORT", err)
	}
}

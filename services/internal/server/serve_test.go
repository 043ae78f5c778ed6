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

// lines is a log that tests can read while it is written.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// running is a service that a test has started.
type running struct {
	url  string
	log  *lines
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
	log := &lines{}
	s.Name, s.Log = "test", slog.New(slog.NewTextHandler(log, nil))
	s.Config = server.Config{BindHost: "127.0.0.1", Port: port, AppToken: "app"}
	if s.CheckReady == nil {
		s.CheckReady = func(context.Context) error { return nil }
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, s); close(ended) }()
	stop := sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { _ = stop() })
	r := running{url: "http://" + listener.Addr().String(), log: log, stop: stop, ended: ended}
	until(t, func() bool { code, _ := r.get("/healthz", ""); return code == http.StatusOK })
	return r
}

func until(t *testing.T, true func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !true(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not come true in 5 s")
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

func saying(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

func TestTheDoorDemandsTheAppToken(t *testing.T) {
	closed := start(t, server.Service{Handler: saying("inside")})
	open := start(t, server.Service{Handler: saying("inside"), Public: saying("public")})
	for _, tc := range []struct {
		service running
		path    string
		token   string
		status  int
		says    string
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
		{open, "//events/x", "", 200, "public"}, // and there is nothing of ours at that address
		{open, "/api/../events/x", "", 200, "public"},
	} {
		status, body := tc.service.get(tc.path, tc.token)
		if status != tc.status || !strings.Contains(body, tc.says) {
			t.Errorf("%s with token %q: %d %s, want %d %s", tc.path, tc.token, status, body, tc.status, tc.says)
		}
	}
}

func TestStartIsTriedUntilItSucceeds(t *testing.T) {
	var tries atomic.Int32
	background := make(chan struct{})
	r := start(t, server.Service{
		Handler: saying("inside"),
		Start: func(context.Context) error {
			if tries.Add(1) < 3 {
				return errors.New("no database yet")
			}
			return nil
		},
		Background: []func(context.Context){func(ctx context.Context) { close(background); <-ctx.Done() }},
	})
	if status, body := r.get("/orders", "app"); tries.Load() < 3 && status != http.StatusServiceUnavailable {
		t.Errorf("before it has started: %d %s", status, body)
	}
	until(t, func() bool { status, _ := r.get("/orders", "app"); return status == http.StatusOK })
	<-background
	if got := strings.Count(r.log.String(), "no database yet"); got != 1 {
		t.Errorf("the same reason was logged %d times", got)
	}
	if err := r.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestReadyzSaysWhatIsMissing(t *testing.T) {
	r := start(t, server.Service{Handler: saying(""),
		CheckReady:    func(context.Context) error { return errors.New("the sidecar does not answer") },
		CheckDatabase: func(context.Context) error { return errors.New("password=hunter2") }})
	if status, body := r.get("/readyz", ""); status != 503 || !strings.Contains(body, "the sidecar does not answer") {
		t.Errorf("readyz: %d %s", status, body)
	}
	if status, body := r.get("/healthz/app", ""); status != 503 || strings.Contains(body, "hunter2") {
		t.Errorf("healthz/app: %d %s", status, body)
	}
}

func TestAPanicIsA500AndTheServiceGoesOn(t *testing.T) {
	r := start(t, server.Service{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/abort" {
			panic(http.ErrAbortHandler)
		}
		panic("boom hunter2")
	})})
	for range 2 {
		if status, body := r.get("/orders", "app"); status != 500 || strings.Contains(body, "hunter2") {
			t.Errorf("%d %s", status, body)
		}
	}
	if !strings.Contains(r.log.String(), "boom hunter2") {
		t.Error("the panic is not in the log")
	}
	if status, body := r.get("/abort", "app"); status != 0 {
		t.Errorf("an aborted answer looks whole: %d %s", status, body)
	}
}

func TestStopLetsWhatIsUnderWayFinish(t *testing.T) {
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
	answer := make(chan string)
	go func() { _, body := r.get("/orders", "app"); answer <- body }()
	<-arrived
	if err := r.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if got := <-answer; got != "done" {
		t.Errorf("under way: %q", got)
	}
}

func TestAServerThatFailsEndsWhatIsBesideIt(t *testing.T) {
	beside := make(chan struct{})
	r := start(t, server.Service{Handler: saying(""), Background: []func(context.Context){func(ctx context.Context) {
		close(beside)
		<-ctx.Done()
	}}})
	<-beside
	breakListener(t, r.url)
	select {
	case err := <-r.ended:
		if err == nil {
			t.Error("the failure is not told")
		}
	case <-time.After(5 * time.Second):
		t.Error("it hangs")
	}
}

// breakListener makes every further accept on url's listener fail, from behind the server's back.
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
	t.Fatal("no such listener")
}

func TestAPortInUseIsSaidPlainly(t *testing.T) {
	r := start(t, server.Service{Handler: saying("")})
	_, port, _ := strings.Cut(strings.TrimPrefix(r.url, "http://"), ":")
	number := 0
	for _, digit := range port {
		number = number*10 + int(digit-'0')
	}
	err := server.Serve(t.Context(), server.Service{Config: server.Config{BindHost: "127.0.0.1", Port: number}})
	if err == nil || !strings.Contains(err.Error(), "APP_PORT") {
		t.Errorf("got %v", err)
	}
}

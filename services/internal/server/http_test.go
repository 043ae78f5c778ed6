package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/await"
	"comanda/services/internal/rest"
	"comanda/services/internal/server"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

// Health routes and metrics answer every method as the other routes do.
func TestMethodsOfTheOpenRoutes(t *testing.T) {
	r := start(t, server.Service{Handler: respondWith("inside")})
	for _, tc := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/healthz", 200}, {"HEAD", "/healthz", 200}, {"OPTIONS", "/healthz", 204}, {"POST", "/healthz", 405},
		{"HEAD", "/readyz", 200}, {"DELETE", "/readyz", 405}, {"HEAD", "/healthz/app", 200}, {"BREW", "/healthz", 501},
		{"GET", "/healthz?x=1", 400}, {"GET", "/metrics?name%5B%5D=go_info&name%5B%5D=up", 200}, {"POST", "/metrics", 405},
	} {
		req, _ := http.NewRequest(tc.method, r.url+tc.path, nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != tc.want {
			t.Errorf("%s %s: got %d %s, want %d", tc.method, tc.path, resp.StatusCode, body, tc.want)
		}
		if listed := resp.Header.Get("Allow") == "GET, HEAD, OPTIONS"; listed != (tc.want == 405 || tc.want == 204) {
			t.Errorf("%s %s: got Allow %q", tc.method, tc.path, resp.Header.Get("Allow"))
		}
	}
}

// waitingService has a resource that is never settled. It sends on arrived when a request waits for it.
func waitingService(arrived chan<- struct{}) server.Service {
	var changes await.Changes
	show := func(w http.ResponseWriter, r *http.Request) error {
		first := true
		value, err := await.Until(r.Context(), &changes, "a", await.Wait(r), func(context.Context) (string, bool, error) {
			if first {
				arrived <- struct{}{}
			}
			first = false
			return "PENDING", false, nil
		})
		if err != nil {
			return err
		}
		return rest.JSON(w, http.StatusOK, value)
	}
	routes := []rest.Route{{Method: "GET", Path: "/orders", Access: rest.Tokenless, Handle: show, Limit: time.Minute}}
	router := rest.Router(slog.New(slog.DiscardHandler), token.Verifier{}, routes)
	return server.Service{Handler: router}
}

// A server that stops answers the requests that wait, at once and completely, and accepts no more.
func TestStopAnswersWaitingRequests(t *testing.T) {
	arrived := make(chan struct{})
	r := start(t, waitingService(arrived))
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	// The second request waits behind the first one on the same connection: the server closes the connection without an answer, and the
	// response to the first says so (Connection: close).
	const request = "GET /orders HTTP/1.1\r\nHost: x\r\ndapr-api-token: app\r\nPrefer: wait=30\r\n\r\n"
	if _, err := io.WriteString(conn, request+request); err != nil {
		t.Fatal(err)
	}
	<-arrived
	begun := time.Now()
	if err := r.stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("the stop took %v, want at most 2 s", took)
	}
	answers := bufio.NewReader(conn)
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	got := fmt.Sprintf("%d %s, close %t, %v", response.StatusCode, body, response.Close, err)
	if got != "200 \"PENDING\"\n, close true, <nil>" {
		t.Errorf("got %s, want the present state, and the end of the connection", got)
	}
	if _, err := answers.ReadByte(); err == nil {
		t.Error("the connection is still open")
	}
	if _, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://")); err == nil {
		t.Error("the stopped server accepts a connection")
	}
}

// An unknown method is the client's mistake: it must neither fill the log nor count as our failure.
func TestUnknownMethodsAreNotFailures(t *testing.T) {
	registry := prometheus.NewRegistry()
	router := rest.Router(slog.New(slog.DiscardHandler), token.Verifier{}, nil)
	r := start(t, server.Service{Handler: router, Public: router, Metrics: registry})
	for range 3 {
		req, _ := http.NewRequest("BREW", r.url+"/coffee", nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusNotImplemented {
			t.Errorf("got %d, want 501", resp.StatusCode)
		}
	}
	if log := r.log.String(); strings.Contains(log, "ERROR") || strings.Contains(log, "status=501") {
		t.Errorf("got log %s, want nothing about the requests", log)
	}
	servicetest.WantMetrics(t, registry, `comanda_http_request_duration_seconds_count{code="501",method="other",route="unmatched"} 3`)
}

package server_test

import (
	"net"
	"strings"
	"testing"

	"comanda/services/internal/server"
	"comanda/services/internal/servicetest"
)

// A service serves its metrics on its own port. The gateway, whose port is public, serves them on another one.
func TestMetricsAreNotServedOnAPublicPort(t *testing.T) {
	inside := start(t, server.Service{Handler: respondWith("inside")})
	if status, body := inside.get("/metrics", ""); status != 200 || !strings.Contains(body, "\ngo_goroutines ") {
		t.Errorf("service port: got %d %.100s, want 200 and metrics", status, body)
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	edge := start(t, server.Service{Handler: respondWith("inside"), Public: respondWith("public"), MetricsPort: server.Port(port)})
	for _, token := range []string{"", "app"} {
		if status, body := edge.get("/metrics", token); body != "public" {
			t.Errorf("public port: got %d %.100s, want the public handler", status, body)
		}
	}
	metrics := running{url: "http://" + listener.Addr().String()}
	if status, body := metrics.get("/metrics", ""); status != 200 || !strings.Contains(body, "\ncomanda_http_requests_in_flight ") {
		t.Errorf("metrics port: got %d %.100s, want 200 and metrics", status, body)
	}
	if status, _ := metrics.get("/orders", "app"); status != 404 {
		t.Errorf("metrics port: got %d for /orders, want 404", status)
	}
	if err := edge.stop(); err != nil {
		t.Fatal(err)
	}
	if status, _ := metrics.get("/metrics", ""); status != 0 {
		t.Errorf("metrics port after the stop: got %d, want no response", status)
	}
}

func TestAFailedMetricsServerIsLogged(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	r := start(t, server.Service{Handler: respondWith(""), Public: respondWith(""),
		MetricsPort: server.Port(listener.Addr().(*net.TCPAddr).Port)})
	const message = "the metrics server failed"
	if strings.Contains(r.log.String(), message) {
		t.Error("the failure is logged before it happens")
	}
	breakListener(t, "http://"+listener.Addr().String())
	waitFor(t, func() bool { return strings.Contains(r.log.String(), message) })
	stopped := start(t, server.Service{Handler: respondWith(""), Public: respondWith(""),
		MetricsPort: server.Port(listener.Addr().(*net.TCPAddr).Port)})
	if err := stopped.stop(); err != nil || strings.Contains(stopped.log.String(), message) {
		t.Errorf("ordinary stop: got error %v and log %s, want no failure", err, stopped.log)
	}
}

func TestTheErrorForAMetricsPortInUseNamesItsSetting(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	err = server.Serve(t.Context(), server.Service{Config: server.Config{BindHost: "127.0.0.1"},
		MetricsPort: server.Port(taken.Addr().(*net.TCPAddr).Port)})
	if err == nil || !strings.Contains(err.Error(), "METRICS_PORT") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got error %v, want one line with METRICS_PORT", err)
	}
}

// Polled routes are neither counted nor traced, nor are a sidecar's requests at its start.
func TestHealthChecksAndSidecarQueriesAreNotRecorded(t *testing.T) {
	r := start(t, server.Service{Handler: respondWith("inside")})
	for path, token := range map[string]string{"/healthz": "", "/readyz": "", "/healthz/app": "", "/metrics": "",
		"/dapr/config": "app", "/events/x": "app"} {
		if status, _ := r.get(path, token); status != 200 {
			t.Errorf("%s: got %d, want 200", path, status)
		}
	}
	if _, body := r.get("/metrics", ""); strings.Contains(body, "comanda_http_request_duration_seconds_count") {
		t.Errorf("requests were counted, want none:\n%s", body)
	}
	r.get("/orders", "app")
	r.get("/orders", "")
	_, body := r.get("/metrics", "")
	servicetest.WantMetricsIn(t, body, `comanda_http_request_duration_seconds_count{code="200",method="GET",route="unmatched"} 1`,
		`comanda_http_request_duration_seconds_count{code="401",method="GET",route="unmatched"} 1`)
}

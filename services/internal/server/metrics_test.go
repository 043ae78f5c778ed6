package server_test

import (
	"net"
	"strings"
	"testing"

	"comanda/services/internal/server"
	"comanda/services/internal/servicetest"
)

// A service shows its metrics to whoever asks on its own port; one that the world reaches does not, but on another.
func TestWhereMetricsAreShown(t *testing.T) {
	inside := start(t, server.Service{Handler: saying("inside")})
	if status, body := inside.get("/metrics", ""); status != 200 || !strings.Contains(body, "\ngo_goroutines ") {
		t.Errorf("its own port: %d %.100s", status, body)
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	_ = listener.Close()
	edge := start(t, server.Service{Handler: saying("inside"), Public: saying("public"), MetricsPort: port})
	for _, token := range []string{"", "app"} {
		if status, body := edge.get("/metrics", token); body != "public" {
			t.Errorf("the port that the world reaches: %d %.100s", status, body)
		}
	}
	other := running{url: "http://" + listener.Addr().String()}
	if status, body := other.get("/metrics", ""); status != 200 || !strings.Contains(body, "\ncomanda_http_requests_in_flight ") {
		t.Errorf("the other port: %d %.100s", status, body)
	}
	if status, _ := other.get("/orders", "app"); status != 404 {
		t.Errorf("the other port serves more than metrics: %d", status)
	}
	if err := edge.stop(); err != nil {
		t.Fatal(err)
	}
	if status, _ := other.get("/metrics", ""); status != 0 {
		t.Errorf("after the end: %d", status)
	}
}

func TestMetricsThatEndAreSaid(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	r := start(t, server.Service{Handler: saying(""), Public: saying(""), MetricsPort: listener.Addr().(*net.TCPAddr).Port})
	const said = "the metrics are not shown any more"
	if strings.Contains(r.log.String(), said) {
		t.Error("it is said before")
	}
	breakListener(t, "http://"+listener.Addr().String())
	until(t, func() bool { return strings.Contains(r.log.String(), said) })
	whole := start(t, server.Service{Handler: saying(""), Public: saying(""), MetricsPort: listener.Addr().(*net.TCPAddr).Port})
	if err := whole.stop(); err != nil || strings.Contains(whole.log.String(), said) {
		t.Errorf("an ordinary end: %v, %s", err, whole.log)
	}
}

func TestAMetricsPortInUseIsSaidPlainly(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	err = server.Serve(t.Context(), server.Service{Config: server.Config{BindHost: "127.0.0.1"}, MetricsPort: taken.Addr().(*net.TCPAddr).Port})
	if err == nil || !strings.Contains(err.Error(), "METRICS_PORT") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

// What is asked every second is neither measured nor traced, nor is what a sidecar asks when it starts.
func TestWhatIsObserved(t *testing.T) {
	r := start(t, server.Service{Handler: saying("inside")})
	for path, token := range map[string]string{"/healthz": "", "/readyz": "", "/healthz/app": "", "/metrics": "", "/dapr/config": "app", "/events/x": "app"} {
		if status, _ := r.get(path, token); status != 200 {
			t.Errorf("%s: %d", path, status)
		}
	}
	if _, body := r.get("/metrics", ""); strings.Contains(body, "comanda_http_request_duration_seconds_count") {
		t.Errorf("measured:\n%s", body)
	}
	r.get("/orders", "app")
	r.get("/orders", "")
	_, body := r.get("/metrics", "")
	servicetest.WantMetricsIn(t, body, `comanda_http_request_duration_seconds_count{code="200",method="GET",route="unmatched"} 1`,
		`comanda_http_request_duration_seconds_count{code="401",method="GET",route="unmatched"} 1`)
}

package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"comanda/services/internal/servicetest"
)

func getBody(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// TestMetricsAreOnTheirOwnPort: clients reach the gateway's public port, so metrics must not be there.
func TestMetricsAreOnTheirOwnPort(t *testing.T) {
	port := freePort(t)
	_, address, _ := runGatewayWith(t, "METRICS_PORT="+port)
	for _, path := range []string{"/metrics", "/api/v1/metrics"} {
		if resp, body := getBody(t, "http://"+address+path); resp.StatusCode != http.StatusNotFound ||
			strings.Contains(body, "go_goroutines") {
			t.Errorf("%s on the public port: got %d %.100s, want 404", path, resp.StatusCode, body)
		}
	}
	getBody(t, "http://"+address+"/api/v1/products/"+orderID)
	resp, body := getBody(t, "http://127.0.0.1:"+port+"/metrics")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("metrics: got %d %s, want 200", resp.StatusCode, body)
	}
	for _, name := range []string{"go_goroutines ", "process_cpu_seconds_total "} {
		if !strings.Contains(body, "\n"+name) {
			t.Errorf("got no metric %s in\n%s", name, body)
		}
	}
	servicetest.WantMetricsIn(t, body, "comanda_tracking_watchers 0",
		`comanda_rate_limited_total{limit="login"} 0`, `comanda_rate_limited_total{limit="requests"} 0`,
		`comanda_rate_limited_total{limit="register"} 0`,
		`comanda_http_request_duration_seconds_count{code="200",method="GET",route="/api/v1/products/{id}"} 1`,
		`comanda_http_request_duration_seconds_count{code="404",method="GET",route="unmatched"} 2`,
		"comanda_http_requests_in_flight 0")
}

func TestRateLimitedRequestsAreCounted(t *testing.T) {
	port := freePort(t)
	_, address, _ := runGatewayWith(t, "METRICS_PORT="+port, "RATE_LIMIT_PER_SECOND=0.001", "RATE_LIMIT_BURST=3",
		"RATE_LIMIT_LOGIN_PER_SECOND=0.001", "RATE_LIMIT_LOGIN_BURST=1")
	for range 5 {
		resp, err := http.Post("http://"+address+"/api/v1/auth/login", "application/json", strings.NewReader(`{}`))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	_, body := getBody(t, "http://127.0.0.1:"+port+"/metrics")
	servicetest.WantMetricsIn(t, body, `comanda_rate_limited_total{limit="login"} 2`,
		`comanda_rate_limited_total{limit="requests"} 2`)
}

// unreachableZipkin is a setting with which traces are sampled. No server listens at its address.
const unreachableZipkin = "OTEL_EXPORTER_ZIPKIN_ENDPOINT=http://127.0.0.1:1/"

// TestGatewayStartsTheTrace: the gateway ignores a client's traceparent and starts its own trace, which is sampled if spans are exported. The
// response header names that trace, and so does the problem of a server error.
func TestGatewayStartsTheTrace(t *testing.T) {
	for setting, flags := range map[string]string{unreachableZipkin: "-01", "OTEL_EXPORTER_ZIPKIN_ENDPOINT=": "-00"} {
		sidecar, address, stop := runGatewayWith(t, "METRICS_PORT="+freePort(t), setting)
		const clientTrace = "0af7651916cd43dd8448eb211c80319c"
		for status, failing := range map[int]bool{http.StatusOK: false, http.StatusInternalServerError: true} {
			sidecar.respondWith(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
			req, _ := http.NewRequest(http.MethodGet, "http://"+address+"/api/v1/products", nil)
			req.Header.Set("traceparent", "00-"+clientTrace+"-b7ad6b7169203331-01")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			passed := sidecar.takeRequests()[0].header.Get("traceparent")
			if len(passed) != 55 || strings.Contains(passed, clientTrace) || !strings.HasSuffix(passed, flags) {
				t.Fatalf("%s: the sidecar got traceparent %q, want a new trace with %s", setting, passed, flags)
			}
			if got := resp.Header.Get("Traceresponse"); got != passed {
				t.Errorf("%s: got Traceresponse %q, want %q", setting, got, passed)
			}
			problem := response{resp, string(text)}.problem()
			if want := passed[3:35]; failing && problem.TraceID != want || !failing && problem.TraceID != "" {
				t.Errorf("%s: status %d: got problem with trace %q, want %q only for a failure", setting, status, problem.TraceID, want)
			}
		}
		if err := stop(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestReadinessChecksAreNotSampled: readiness is checked every second and would flood the traces.
func TestReadinessChecksAreNotSampled(t *testing.T) {
	sidecar, address, _ := runGatewayWith(t, "METRICS_PORT="+freePort(t), unreachableZipkin)
	getBody(t, "http://"+address+"/readyz")
	checks := 0
	for _, got := range sidecar.takeRequests() {
		if !strings.Contains(got.uri, "/invoke/") {
			continue
		}
		checks++
		if parent := got.header.Get("traceparent"); !strings.HasSuffix(parent, "-00") {
			t.Errorf("%s: got traceparent %q, want it not sampled", got.uri, parent)
		}
	}
	if checks == 0 {
		t.Error("the gateway checked no service")
	}
}

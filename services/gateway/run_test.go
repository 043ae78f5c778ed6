package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

func TestRunNamesTheWrongSettingAndHidesItsValue(t *testing.T) {
	const withoutKeys = "APP_API_TOKEN=a DAPR_API_TOKEN=d APP_PORT=1 JWT_SECRET_KEY=" + "0123456789abcdef0123456789abcdef "
	complete := withoutKeys + "EVENT_PUBLIC_KEYS=" + servicetest.EventSettings["EVENT_PUBLIC_KEYS"] + " "
	for _, tc := range []struct{ environ, want string }{
		{"APP_API_TOKEN=a APP_PORT=1", "JWT_SECRET_KEY is not set"},
		{"APP_API_TOKEN=a APP_PORT=1 JWT_SECRET_KEY=hunter2", "JWT_SECRET_KEY must be at least 32 bytes long"},
		{"APP_PORT=1 JWT_SECRET_KEY=" + string(secret), "APP_API_TOKEN is not set"},
		{withoutKeys, "EVENT_PUBLIC_KEYS is not set"},
		{complete + "EVENT_PUBLIC_KEYS=auth=hunter2", "EVENT_PUBLIC_KEYS must list the public keys of auth, user, order, product"},
		{complete + "TRUSTED_PROXIES=hunter2", "TRUSTED_PROXIES must be a list of networks"},
		{complete + "RATE_LIMIT_BURST=hunter2", "RATE_LIMIT_BURST must be a whole number"},
		{complete + "LOG_LEVEL=loud", "LOG_LEVEL"},
		{complete + "METRICS_PORT=hunter2", "METRICS_PORT must be a port, 1 to 65535"},
		{complete + "METRICS_PORT=0", "METRICS_PORT must be a port, 1 to 65535"},
		{complete + "METRICS_PORT=65536", "METRICS_PORT must be a port, 1 to 65535"},
		{complete + "OTEL_EXPORTER_ZIPKIN_ENDPOINT=hunter2:9411", "OTEL_EXPORTER_ZIPKIN_ENDPOINT must be an address such as"},
		{complete + "TRUSTED_PROXIES=10.0.0.0/8,hunter2", "TRUSTED_PROXIES must be a list of networks"},
		{complete + "TRUSTED_PROXIES=10.0.0.0/8;10.1.1.1", "TRUSTED_PROXIES must be a list of networks"},
		{complete + "CORS_ORIGINS=https://a.example,hunter2", "CORS_ORIGINS must be a list of origins"},
		{complete + "BIND_HOST=hunter2:80", "BIND_HOST must be a host name or an IP address"},
		{complete + "DAPR_HOST=http://hunter2", "DAPR_HOST must be a host name or an IP address"},
		{complete + "DAPR_HTTP_PORT=0", "DAPR_HTTP_PORT must be a port, 1 to 65535"},
		{complete + "DAPR_GRPC_PORT=-1", "DAPR_GRPC_PORT must be a port, 1 to 65535"},
		{complete + "RATE_LIMIT_PER_SECOND=-1", "RATE_LIMIT_PER_SECOND must be from 0 to"},
		{complete + "JWT_SECRET_KEY_PREVIOUS=hunter2", "JWT_SECRET_KEY_PREVIOUS must be at least 32 bytes long"},
		{complete + "RATE_LIMIT_REGISTER_PER_HOUR=-1", "RATE_LIMIT_REGISTER_PER_HOUR must be from 0 to"},
		{complete + "RATE_LIMIT_LOGIN_PER_SECOND=NaN", "RATE_LIMIT_LOGIN_PER_SECOND must be from 0 to"},
		{complete + "RATE_LIMIT_BURST=0", "RATE_LIMIT_BURST must be from 1 to"},
		{complete + "TRACKING_MAX_WATCHERS=-5 TRACKING_MAX_PER_ORDER=-1", "TRACKING_MAX_WATCHERS must be from 0 to 1000000; TRACKING_MAX_PER_ORDER"},
	} {
		err := run(t.Context(), strings.Fields(tc.environ))
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got error %v, want %q", tc.environ, err, tc.want)
		}
	}
}

// freePort returns a port with no listener.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

// runGateway runs the gateway as its process does, with a fake sidecar, and returns its address.
func runGateway(t *testing.T) (sidecar *fakeSidecar, address string, stop func() error) {
	t.Helper()
	return runGatewayWith(t, "METRICS_PORT="+freePort(t))
}

// runGatewayWith is runGateway with further settings.
func runGatewayWith(t *testing.T, settings ...string) (sidecar *fakeSidecar, address string, stop func() error) {
	t.Helper()
	sidecar = newFakeSidecar(t)
	at, _ := url.Parse(sidecar.URL)
	port := freePort(t)
	address = "127.0.0.1:" + port
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, append([]string{"APP_PORT=" + port, "APP_API_TOKEN=app-token", "DAPR_API_TOKEN=dapr-token",
			"JWT_SECRET_KEY=" + string(secret),
			"EVENT_PUBLIC_KEYS=" + servicetest.EventSettings["EVENT_PUBLIC_KEYS"],
			"DAPR_HOST=127.0.0.1", "DAPR_HTTP_PORT=" + at.Port(), "LOG_LEVEL=error"}, settings...))
	}()
	t.Cleanup(cancel)
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if resp, err := http.Get("http://" + address + "/healthz"); err == nil {
			_ = resp.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the gateway does not respond to /healthz after 5 s")
		}
	}
	return sidecar, address, func() error { cancel(); return <-ended }
}

func TestEventsRequireTheAppTokenAndNoCaller(t *testing.T) {
	_, address, _ := runGateway(t)
	const cloudEvent = `{"id":"e","type":"order.status.changed.v1",` +
		`"data":{"orderId":"x","version":1,"status":"PENDING","at":"2026-01-02T03:04:05Z"}}`
	for name, tc := range map[string]struct {
		path, headers string
		want          int
	}{
		"the sidecar":    {"/events/order.status.changed", "dapr-api-token: app-token\r\n", 200},
		"a stranger":     {"/events/order.status.changed", "", 401},
		"a wrong token":  {"/events/order.status.changed", "dapr-api-token: wrong\r\n", 401},
		"an empty token": {"/events/order.status.changed", "dapr-api-token: \r\n", 401},
		"a service, by invocation": {"/events/order.status.changed",
			"dapr-api-token: app-token\r\ndapr-caller-app-id: order\r\n", 403},
		"unmatched, by a stranger":    {"/events/unmatched", "", 401},
		"unmatched, by the sidecar":   {"/events/unmatched", "dapr-api-token: app-token\r\n", 200},
		"an encoded path":             {"/%65vents/order.status.changed", "", 401},
		"two slashes":                 {"//events/order.status.changed", "", 404},
		"a dot segment":               {"/api/../events/order.status.changed", "", 404},
		"an encoded dot segment":      {"/api/%2e%2e/events/order.status.changed", "dapr-api-token: app-token\r\n", 404},
		"the API, with the app token": {"/api/v1/users/me", "dapr-api-token: app-token\r\n", 405},
		"unknown, with the app token": {"/events/none", "dapr-api-token: app-token\r\n", 404},
		"events below the API":        {"/api/v1/events/order.status.changed", "dapr-api-token: app-token\r\n", 404},
	} {
		request := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"+
			"Content-Type: application/cloudevents+json\r\nContent-Length: %d\r\n%s\r\n%s",
			tc.path, len(cloudEvent), tc.headers, cloudEvent)
		if got := rawStatus(t, address, request); got != tc.want {
			t.Errorf("%s: got %d, want %d", name, got, tc.want)
		}
	}
}

func TestHealthAndReadiness(t *testing.T) {
	sidecar, address, _ := runGateway(t)
	get := func(path string) (int, string) {
		resp, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(body)
	}
	sidecar.respondWith(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "/invoke/product/") {
			w.WriteHeader(500)
		}
	})
	if status, body := get("/readyz"); status != 503 || !strings.Contains(body, "not ready: product") {
		t.Errorf("readyz: got %d %s, want 503 and the name product", status, body)
	}
	for _, path := range []string{"/healthz", "/healthz/app"} {
		if status, _ := get(path); status != 200 {
			t.Errorf("%s: got %d, want 200", path, status)
		}
	}
}

// TestSlowClientsAreDisconnected sends a request head, or a body, byte by byte without end. The gateway has to close the
// connection.
func TestSlowClientsAreDisconnected(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as the gateway's read timeouts")
	}
	_, address, _ := runGateway(t)
	for name, begin := range map[string]string{
		"a head": "GET /api/v1/products HTTP/1.1\r\nHost: x\r\n",
		"a body": "POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
			"Content-Length: 1000\r\n\r\n{",
		"a refused body":  "POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
		"an event":        "POST /events/order.status.changed HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
		"a health check":  "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
		"a chunked body":  "GET /readyz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		"a body of a GET": "GET /api/v1/products HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			_, _ = io.WriteString(conn, begin)
			ended := make(chan struct{})
			go func() { _, _ = io.Copy(io.Discard, conn); close(ended) }()
			tick := time.NewTicker(200 * time.Millisecond)
			defer tick.Stop()
			for limit := time.After(rest.BodyTimeout + 5*time.Second); ; {
				select {
				case <-ended:
					return
				case <-limit:
					t.Fatal("the connection is still open")
				case <-tick.C:
					_, _ = io.WriteString(conn, "x")
				}
			}
		})
	}
}

// While a client watches an order, the gateway asks for its version. Stopping ends the stream.
func TestRunningGatewayServesStreams(t *testing.T) {
	sidecar, address, stop := runGateway(t)
	h := &harness{t: t, sidecar: sidecar}
	h.serveHistory(1)
	history, asked := sidecar.handle, make(chan string, 100)
	sidecar.respondWith(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, versionsPath) {
			asked <- r.URL.Query().Get("id")
		}
		history(w, r)
	})
	req, _ := http.NewRequest("GET", "http://"+address+streamPath, nil)
	req.Header.Set("Authorization", bearer(t, token.Customer))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewReader(resp.Body)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	select {
	case id := <-asked:
		if id != orderID {
			t.Errorf("asked for the version of %q, want the watched order", id)
		}
	case <-time.After(10 * time.Second):
		t.Error("the gateway did not ask for the version of the watched order")
	}
	begun := time.Now()
	if err := stop(); err != nil {
		t.Errorf("stop: got %v", err)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("stop: took %v, want at most 3 s", took)
	}
	end, err := io.ReadAll(lines)
	if err != nil || !strings.HasSuffix(string(end), "retry: 1000\n\n") {
		t.Errorf("end of the stream: got %q, %v, want the retry time", end, err)
	}
}

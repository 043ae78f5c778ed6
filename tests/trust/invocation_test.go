package trust_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"testing"

	"comanda/tests/scenario"
)

// send sends a request with these headers and returns the status and the body of its response.
func send(ctx context.Context, method, url string, header http.Header) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader([]byte("{}")))
	if err != nil {
		return 0, "", err
	}
	if header != nil {
		request.Header = header.Clone()
	}
	request.Header.Set("dapr-api-token", apiToken)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// pair is a calling and a called sidecar.
type pair struct {
	caller, callee *sidecar
	called         app
}

func startPair(t *testing.T) pair {
	t.Helper()
	dir, config := t.TempDir(), projectFile(t, "dapr/config.yaml")
	p := pair{called: startApp(t)}
	p.callee = startSidecar(t, dir, nil, "--app-id", "callee", "--app-port", p.called.port(), "--config", config)
	p.caller = startSidecar(t, dir, nil, "--app-id", "caller", "--app-port", startApp(t).port(), "--config", config)
	return p
}

// call sends a request through a sidecar and returns the request that the called app receives.
func (p pair) call(t *testing.T, from *sidecar, path string, header http.Header) *http.Request {
	t.Helper()
	status, body, err := send(t.Context(), http.MethodPost, from.url+"/v1.0/invoke/callee/method"+path, header)
	if err != nil || status != http.StatusOK {
		t.Fatalf("call %s with %v: got %d %s (error: %v), want 200", path, header, status, body, err)
	}
	return <-p.called.requests
}

// A caller cannot change, by its headers, the app id that the called app receives (dapr/dapr#10683).
func TestNoAppCanForgeOrRemoveTheIdentityOfACaller(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	names := []string{"Dapr-Caller-App-Id", "Dapr-Caller-Namespace", "Dapr-Callee-App-Id"}
	for name, header := range map[string]http.Header{
		"no headers":         {},
		"headers of its own": {names[0]: {"admin"}, names[1]: {"kube-system"}, names[2]: {"other"}},
		"empty headers":      {names[0]: {""}, names[1]: {""}, names[2]: {""}},
		"headers that Connection names": {"Connection": {"dapr-caller-app-id, dapr-caller-namespace", "Dapr-Callee-App-Id"},
			names[0]: {"admin"}},
	} {
		for _, from := range []struct {
			app     string
			sidecar *sidecar
		}{{"caller", p.caller}, {"callee", p.callee}} { // a call to the own app takes another way
			for range 5 { // the order in which the headers arrive is random
				got := p.call(t, from.sidecar, "/orders", header.Clone()).Header
				want := [][]string{{from.app}, {"default"}, {"callee"}}
				for i, key := range names {
					if !slices.Equal(got.Values(key), want[i]) {
						t.Errorf("%s, from %s: %s: got %q, want %q", name, from.app, key, got.Values(key), want[i])
					}
				}
			}
		}
	}
	if got := p.call(t, p.caller, "/orders", http.Header{"Connection": {"X-Hop"}, "X-Hop": {"1"}, "X-End": {"2"}}).Header; got.Get("X-Hop") != "" ||
		got.Get("X-End") != "2" {
		t.Errorf("other headers: got %v, want X-End without X-Hop, which the header Connection names", got)
	}
}

// The app gets the path that the access control has seen: it is decoded once and not twice (CVE-2026-41491, dapr/dapr#10684).
func TestAppGetsThePathThatTheAccessControlHasSeen(t *testing.T) {
	t.Parallel()
	p := startPair(t)
	for path, want := range map[string]string{
		"/orders/1":                           "/orders/1",
		"/orders/%252e%252e%252fevents":       "/orders/%2e%2e%2fevents",
		"/orders/%252e%252e/events":           "/orders/%2e%2e/events",
		"/%2565vents/order.status.changed":    "/%65vents/order.status.changed",
		"/orders/100%25":                      "/orders/100%",
		"/orders/a%20b/%C3%A9":                "/orders/a b/é",
		"/orders/../events/x":                 "/events/x", // resolved before the check
		"/orders/%2e%2e/events/y":             "/events/y",
		"/orders/%2F..%2F..%2Fevents/z":       "/events/z",
		"/orders//events/../1":                "/orders/1",
		"/orders/%255c..%255cevents?q=%252e1": `/orders/%5c..%5cevents`,
	} {
		got := p.call(t, p.caller, path, http.Header{})
		if got.URL.Path != want {
			t.Errorf("%s: the app got %s, want %s", path, got.URL.Path, want)
		}
		if again := scenario.Try(got.URL.Parse(got.RequestURI)).OrFail(t); again.Path != want {
			t.Errorf("%s: the app reads %s on the wire, which is %s, want %s", path, got.RequestURI, again.Path, want)
		}
	}
}

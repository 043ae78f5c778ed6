package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"comanda/services/internal/rest"
)

func TestResponsesNotFromTheServiceReturn503(t *testing.T) {
	h := newHarness(t)
	respond := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}
	}
	sidecarError := `{"errorCode":"ERR_DIRECT_INVOKE","message":"failed to invoke, id: product, err: secret 10.0.0.7"}`
	for name, response := range map[string]http.HandlerFunc{
		"unreachable":       respond(500, "application/json", sidecarError),
		"no such method":    respond(404, "application/json", sidecarError),
		"a wrong token":     respond(401, "text/plain", "invalid api token"),
		"refused":           respond(403, "application/json", sidecarError),
		"a redirect":        respond(302, "text/html", ""),
		"a broken problem":  respond(500, "application/problem+json", "{"),
		"a dubious problem": respond(302, "application/problem+json", "{}"),
		"too large":         respond(200, "application/json", strings.Repeat("x", rest.MaxResponse+1)),
		"cut short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = fmt.Fprint(w, "x")
		},
		"a broken connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		h.sidecar.respondWith(response)
		got := h.send("GET", prefix+"/products", "")
		if p := got.problem(); got.StatusCode != 503 || p.Type != "/problems/unavailable" ||
			p.Instance != prefix+"/products" || got.Header.Get("Retry-After") == "" ||
			got.Header.Get("Content-Type") != "application/problem+json" || strings.Contains(got.text, "10.0.0.7") {
			t.Errorf("%s: got %d %s, want a 503 without details", name, got.StatusCode, got.text)
		}
	}
	h.sidecar.Close()
	if got := h.send("GET", prefix+"/products", ""); got.StatusCode != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("no sidecar: got %d %s, want 503 with Retry-After", got.StatusCode, got.text)
	}
}

func TestServiceResponsesPassWithListedHeadersOnly(t *testing.T) {
	h := newHarness(t)
	h.sidecar.respondWith(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{"Location": "/api/v1/orders/x", "Preference-Applied": "wait=1",
			"Content-Type": "application/json", "Cache-Control": "max-age=5", "Set-Cookie": "a=b", "Server": "daprd",
			"traceparent": "00-1-2-3", "dapr-caller-app-id": "x", "X-Inside": "y", "Access-Control-Allow-Origin": "*"} {
			w.Header().Set(name, value)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprint(w, `{"id":1}`)
	})
	got := h.send("POST", prefix+"/auth/register", `{}`)
	if got.StatusCode != 201 || got.text != `{"id":1}` || got.Header.Get("Location") != "/api/v1/orders/x" ||
		got.Header.Get("Cache-Control") != "max-age=5" {
		t.Errorf("success: got %d %s %v, want the service's 201", got.StatusCode, got.text, got.Header)
	}
	for _, name := range []string{"Set-Cookie", "Server", "traceparent", "dapr-caller-app-id", "X-Inside",
		"Access-Control-Allow-Origin"} {
		if got.Header.Get(name) != "" {
			t.Errorf("%s: got %q, want none", name, got.Header.Get(name))
		}
	}
	h.sidecar.respondWith(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = fmt.Fprint(w, `{"type":"/problems/invalid","title":"t","status":422,`+
			`"instance":"/auth/register","errors":[{"field":"email","message":"m"}]}`)
	})
	got = h.send("POST", prefix+"/auth/register", `{}`)
	if p := got.problem(); got.StatusCode != 422 || p.Instance != "/api/v1/auth/register" || len(p.Errors) != 1 ||
		got.Header.Get("Retry-After") != "7" {
		t.Errorf("problem: got %d %s, want the service's 422 with the client's path", got.StatusCode, got.text)
	}
}

func TestServices503GetsRetryAfter(t *testing.T) {
	h := newHarness(t)
	h.sidecar.respondWith(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprint(w, `{"status":503}`)
	})
	if got := h.send("GET", prefix+"/products", ""); got.StatusCode != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("got %d, Retry-After %q, want 503 with Retry-After", got.StatusCode, got.Header.Get("Retry-After"))
	}
}

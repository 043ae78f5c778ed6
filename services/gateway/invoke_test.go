package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestWhatDidNotComeFromTheServiceIsA503(t *testing.T) {
	h := newHarness(t)
	plain := func(status int, contentType, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = fmt.Fprint(w, body)
		}
	}
	sidecars := `{"errorCode":"ERR_DIRECT_INVOKE","message":"failed to invoke, id: product, err: secret 10.0.0.7"}`
	for name, answer := range map[string]http.HandlerFunc{
		"unreachable":       plain(500, "application/json", sidecars),
		"no such method":    plain(404, "application/json", sidecars),
		"a wrong token":     plain(401, "text/plain", "invalid api token"),
		"refused":           plain(403, "application/json", sidecars),
		"a redirect":        plain(302, "text/html", ""),
		"a broken problem":  plain(500, "application/problem+json", "{"),
		"a dubious problem": plain(302, "application/problem+json", "{}"),
		"too large":         plain(200, "application/json", strings.Repeat("x", maxResponse+1)),
		"cut short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = fmt.Fprint(w, "x")
		},
		"a broken connection": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		h.sidecar.respondWith(answer)
		got := h.send("GET", prefix+"/products", "")
		if p := got.problem(); got.StatusCode != 503 || p.Type != "/problems/unavailable" || p.Instance != prefix+"/products" || got.Header.Get("Retry-After") == "" ||
			got.Header.Get("Content-Type") != "application/problem+json" || strings.Contains(got.text, "10.0.0.7") {
			t.Errorf("%s: %d %s", name, got.StatusCode, got.text)
		}
	}
	h.sidecar.Close()
	if got := h.send("GET", prefix+"/products", ""); got.StatusCode != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("no sidecar: %d %s", got.StatusCode, got.text)
	}
}

func TestAServicesAnswerGoesThrough(t *testing.T) {
	h := newHarness(t)
	h.sidecar.respondWith(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{"Location": "/api/v1/orders/x", "Preference-Applied": "wait=1", "Content-Type": "application/json",
			"Cache-Control": "max-age=5", "Set-Cookie": "a=b", "Server": "daprd", "traceparent": "00-1-2-3", "dapr-caller-app-id": "x", "X-Inside": "y",
			"Access-Control-Allow-Origin": "*"} {
			w.Header().Set(name, value)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprint(w, `{"id":1}`)
	})
	got := h.send("POST", prefix+"/auth/register", `{}`)
	if got.StatusCode != 201 || got.text != `{"id":1}` || got.Header.Get("Location") != "/api/v1/orders/x" || got.Header.Get("Cache-Control") != "max-age=5" {
		t.Errorf("%d %s %v", got.StatusCode, got.text, got.Header)
	}
	for _, name := range []string{"Set-Cookie", "Server", "traceparent", "dapr-caller-app-id", "X-Inside", "Access-Control-Allow-Origin"} {
		if got.Header.Get(name) != "" {
			t.Errorf("%s: %s", name, got.Header.Get(name))
		}
	}
	h.sidecar.respondWith(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = fmt.Fprint(w, `{"type":"/problems/invalid","title":"t","status":422,"instance":"/auth/register","errors":[{"field":"email","message":"m"}]}`)
	})
	got = h.send("POST", prefix+"/auth/register", `{}`)
	if p := got.problem(); got.StatusCode != 422 || p.Instance != "/api/v1/auth/register" || len(p.Errors) != 1 || got.Header.Get("Retry-After") != "7" {
		t.Errorf("%d %s", got.StatusCode, got.text)
	}
}

func TestAServicesOwn503SaysWhenToComeBack(t *testing.T) {
	h := newHarness(t)
	h.sidecar.respondWith(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprint(w, `{"status":503}`)
	})
	if got := h.send("GET", prefix+"/products", ""); got.StatusCode != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("%d, Retry-After %q", got.StatusCode, got.Header.Get("Retry-After"))
	}
}

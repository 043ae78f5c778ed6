package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"comanda/docs"
)

// getPublic sends a GET to the edge of a gateway.
func getPublic(t *testing.T, path string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	newGateway(config{Secret: secret}, slog.New(slog.DiscardHandler), nil, nil).edgeHandler().ServeHTTP(w, r)
	return w
}

func TestTheDescriptionOfTheAPIIsServed(t *testing.T) {
	w := getPublic(t, "/openapi.yaml")
	if w.Code != http.StatusOK || !bytes.Equal(w.Body.Bytes(), docs.OpenAPI) || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/yaml") {
		t.Errorf("got %d %s and %d bytes, want 200, YAML and docs/openapi.yaml", w.Code, w.Header().Get("Content-Type"), w.Body.Len())
	}
	etag := w.Header().Get("ETag")
	if again := getPublic(t, "/openapi.yaml", "If-None-Match", etag); etag == "" || again.Code != http.StatusNotModified {
		t.Errorf("with the ETag %s: got %d, want 304", etag, again.Code)
	}
	for _, path := range []string{"/openapi.yml", "/openapi.yaml/", "/docs/", "/docs/../openapi.yaml", "/docs/page.js", "/docs.html"} {
		if w := getPublic(t, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, w.Code)
		}
	}
}

// The page works without a network: everything it loads comes from this server, and its policy forbids all other sources.
func TestThePageLoadsEverythingFromThisServer(t *testing.T) {
	w := getPublic(t, "/docs")
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("got %d %s, want 200 and HTML", w.Code, w.Header().Get("Content-Type"))
	}
	policy := w.Header().Get("Content-Security-Policy")
	for directive := range strings.SplitSeq(policy, "; ") {
		name, sources, _ := strings.Cut(directive, " ")
		for source := range strings.FieldsSeq(sources) {
			known := source == "'none'" || source == "'self'" || source == "data:" && name == "img-src"
			if !known {
				t.Errorf("the policy allows %q for %s", source, name)
			}
		}
	}
	if !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("got policy %q, want nothing allowed by default", policy)
	}
	parts := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(w.Body.String(), -1)
	kinds := map[string]string{"/docs/icon": "image/png", "/docs/style": "text/css", "/docs/page-style": "text/css",
		"/docs/script": "text/javascript", "/docs/page-script": "text/javascript", "/openapi.yaml": "application/yaml"}
	if len(parts) != len(kinds) {
		t.Errorf("the page has %d references, want %d: %v", len(parts), len(kinds), parts)
	}
	for _, part := range parts {
		got := getPublic(t, part[1])
		kind, _, _ := strings.Cut(got.Header().Get("Content-Type"), ";")
		if got.Code != http.StatusOK || kind != kinds[part[1]] || kind == "" || got.Body.Len() < 100 {
			t.Errorf("%s: got %d %q and %d bytes, want 200 %q", part[1], got.Code, kind, got.Body.Len(), kinds[part[1]])
		}
	}
}

func TestClientsThatAcceptGzipGetTheScriptCompressed(t *testing.T) {
	plain := getPublic(t, "/docs/script")
	for accept, want := range map[string]string{"": "", "br": "", "gzip;q=0": "", "gzip; q=0.0": "", "gzip": "gzip", "br, GZIP;q=0.5": "gzip"} {
		w := getPublic(t, "/docs/script", "Accept-Encoding", accept)
		if got := w.Header().Get("Content-Encoding"); got != want || !strings.Contains(w.Header().Get("Vary"), "Accept-Encoding") {
			t.Errorf("%q: got Content-Encoding %q and Vary %q, want %q and Accept-Encoding", accept, got, w.Header().Get("Vary"), want)
		}
		if want == "" {
			continue
		}
		reader, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		if content, err := io.ReadAll(reader); err != nil || !bytes.Equal(content, plain.Body.Bytes()) {
			t.Errorf("%q: got other content, error %v", accept, err)
		}
		if w.Header().Get("ETag") == plain.Header().Get("ETag") {
			t.Errorf("%q: the ETag is that of the plain content", accept)
		}
	}
}

package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"comanda/docs"
)

// reference matches the address of a file in the page, its style sheet or its script.
var reference = regexp.MustCompile(`(?:src|href|url)\s*[=:(]\s*["']?([^"')\s>]+)`)

// The page and its files come from the gateway: the page works offline. None of them may call another server.
func TestThePageIsServedWithEveryFileItRefersTo(t *testing.T) {
	h := newHarness(t)
	page := h.send("GET", "/docs", "")
	if kind := page.Header.Get("Content-Type"); page.StatusCode != 200 || kind != "text/html; charset=utf-8" {
		t.Fatalf("/docs: got %d %s, want a page", page.StatusCode, kind)
	}
	text := page.text + string(docs.Files()["start.js"])
	found := reference.FindAllStringSubmatch(text, -1)
	if len(found) < 6 {
		t.Fatalf("got %d references in the page, want at least 6: %v", len(found), found)
	}
	for _, match := range found {
		if !strings.HasPrefix(match[1], "/") || strings.HasPrefix(match[1], "//") {
			t.Errorf("the page refers to %s, which is not on this server", match[1])
			continue
		}
		file := h.send("GET", match[1], "")
		if file.StatusCode != 200 || len(file.text) == 0 || file.Header.Get("Etag") == "" {
			t.Errorf("%s: got %d with %d bytes, want the file with an ETag", match[1], file.StatusCode, len(file.text))
		}
	}
	for _, styled := range reference.FindAllStringSubmatch(string(docs.Files()["swagger-ui.css"]), -1) {
		if !strings.HasPrefix(styled[1], "data:") && !strings.HasPrefix(styled[1], "#") {
			t.Errorf("the style sheet refers to %s", styled[1])
		}
	}
}

func TestDocumentationMediaTypesAndCaching(t *testing.T) {
	h := newHarness(t)
	for path, want := range map[string]string{
		"/openapi.yaml":              "application/yaml",
		"/docs/swagger-ui.css":       "text/css; charset=utf-8",
		"/docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
		"/docs/icon.png":             "image/png",
		"/docs/LICENSE":              "text/plain; charset=utf-8",
	} {
		got := h.send("GET", path, "")
		if kind := got.Header.Get("Content-Type"); got.StatusCode != 200 || kind != want {
			t.Errorf("%s: got %d %s, want 200 %s", path, got.StatusCode, kind, want)
		}
		if again := h.send("GET", path, "", "If-None-Match", got.Header.Get("Etag")); again.StatusCode != http.StatusNotModified {
			t.Errorf("%s with its ETag: got %d, want 304", path, again.StatusCode)
		}
		if head := h.send("HEAD", path, ""); head.StatusCode != 200 || head.ContentLength != int64(len(got.text)) {
			t.Errorf("HEAD %s: got %d with length %d, want 200 with %d", path, head.StatusCode, head.ContentLength, len(got.text))
		}
	}
	if got := h.send("GET", "/openapi.yaml", ""); got.text != string(docs.OpenAPI) {
		t.Error("/openapi.yaml is not docs/openapi.yaml")
	}
}

func TestOnlyTheFilesOfThePageHaveADot(t *testing.T) {
	h := newHarness(t)
	for _, path := range []string{"/docs/start.js.map", "/docs/../openapi.yaml", "/docs/%73tart.js", "/docs/start", "/openapi.json",
		"/openapi.yaml/", "//openapi.yaml"} {
		if got := h.send("GET", path, ""); got.StatusCode != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, got.StatusCode)
		}
	}
	if got := h.send("GET", "/docs?x=1", ""); got.StatusCode != http.StatusBadRequest {
		t.Errorf("/docs with a parameter: got %d, want 400", got.StatusCode)
	}
}

// The page may run its own scripts only. All other responses keep the policy that allows nothing.
func TestOnlyThePageMayLoadFiles(t *testing.T) {
	h := newHarness(t)
	policy := h.send("GET", "/docs", "").Header.Get("Content-Security-Policy")
	if policy != pagePolicy || strings.Contains(policy, "script-src 'self' 'unsafe") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("policy of the page: got %q", policy)
	}
	for _, path := range []string{"/openapi.yaml", "/docs/start.js", "/problems", "/docs/nothing"} {
		if got := h.send("GET", path, "").Header.Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'; frame") {
			t.Errorf("policy of %s: got %q, want one that allows nothing", path, got)
		}
	}
}

func TestTheFolderOfThePageRedirectsToThePage(t *testing.T) {
	h := newHarness(t)
	for _, method := range []string{"GET", "HEAD"} {
		if got := h.send(method, "/docs/", ""); got.StatusCode != http.StatusOK || got.Request.URL.Path != "/docs" {
			t.Errorf("%s /docs/: got %d from %s, want the page at /docs", method, got.StatusCode, got.Request.URL)
		}
	}
}

// An unknown address names the documentation, whether the edge or the router refuses it.
func TestAnUnknownAddressNamesTheDocumentation(t *testing.T) {
	h := newHarness(t)
	for _, path := range []string{"/", "/api", "/api/v1/", "/api/v1/dishes", "/a.b"} {
		if got := h.send("GET", path, ""); got.StatusCode != http.StatusNotFound || !strings.Contains(got.text, "the API is described at /docs") {
			t.Errorf("%s: got %d %s, want 404 and /docs", path, got.StatusCode, got.text)
		}
	}
}

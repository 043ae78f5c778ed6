//go:build browser

package main

import (
	"context"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The page shows every operation in a real browser, without a network, and its policy blocks nothing that it needs.
// `make test-docs` runs this test; it needs Chromium.
func TestABrowserShowsThePage(t *testing.T) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			browser = found
			break
		}
	}
	if browser == "" {
		t.Fatal("no browser found: install chromium (apt-get install chromium)")
	}
	h := newHarness(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var dom, log strings.Builder
	command := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
		"--user-data-dir="+t.TempDir(),
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--enable-logging=stderr", "--virtual-time-budget=30000",
		"--dump-dom", h.server.URL+"/docs")
	command.Stdout, command.Stderr = &dom, &log
	if err := command.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", browser, err, log.String())
	}
	shown := dom.String()
	for name := range readDocument(t).operations(t) {
		_, path, _ := strings.Cut(name, " ")
		if !strings.Contains(shown, `data-path="`+path+`"`) {
			t.Errorf("the page does not show %s", name)
		}
	}
	for _, want := range []string{"Your first order", "The same request twice", "Errors and retries"} {
		if !strings.Contains(shown, want) {
			t.Errorf("the page does not show the text %q", want)
		}
	}
	if strings.Contains(shown, "Unable to render") || strings.Contains(shown, "Failed to load API definition") {
		t.Error("the page shows an error instead of the API")
	}
	for _, line := range regexp.MustCompile(`(?m)^.*CONSOLE.*$`).FindAllString(log.String(), -1) {
		t.Errorf("the browser's console: %s", line)
	}
}

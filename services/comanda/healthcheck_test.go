package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthcheckSucceedsForAHealthyTargetOnly(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/readyz":
			http.Error(w, "not ready: order", http.StatusServiceUnavailable)
		case "/moved":
			http.Redirect(w, r, "/healthz", http.StatusFound)
		}
	}))
	defer server.Close()
	address := strings.TrimPrefix(server.URL, "http://")
	for target, want := range map[string]string{
		server.URL + "/healthz": "",
		server.URL + "/readyz":  "503 Service Unavailable not ready: order",
		server.URL + "/moved":   "302 Found",
		"tcp://" + address:      "",
		"tcp://127.0.0.1:1":     "refused",
		"http://127.0.0.1:1/":   "refused",
		"ftp://" + address:      "use http://, https:// or tcp://",
	} {
		var output bytes.Buffer
		code := run([]string{"healthcheck", target}, nil, &output, &output)
		if (code == 0) != (want == "") || !strings.Contains(output.String(), want) {
			t.Errorf("%s: got exit code %d and %q, want %q", target, code, output.String(), want)
		}
	}
}

func TestInvalidCallExitsWith2AndPrintsUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"help"}, {"kafka-exporter", "-nonsense"}, {"with", "-nonsense"}} {
		var output bytes.Buffer
		if code := run(args, nil, &output, &output); code != 2 || output.Len() == 0 {
			t.Errorf("%v: got exit code %d and %q, want 2 and some output", args, code, output.String())
		}
	}
}

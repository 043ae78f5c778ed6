package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthcheck(t *testing.T) {
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
		"ftp://" + address:      "neither http://",
	} {
		var said bytes.Buffer
		code := run([]string{"healthcheck", target}, nil, &said, &said)
		if (code == 0) != (want == "") || !strings.Contains(said.String(), want) {
			t.Errorf("%s: %d %q", target, code, said.String())
		}
	}
}

func TestAWrongCallIsToldWhatThereIs(t *testing.T) {
	for _, args := range [][]string{nil, {"help"}, {"kafka-exporter", "-nonsense"}, {"with", "-nonsense"}} {
		var said bytes.Buffer
		if code := run(args, nil, &said, &said); code != 2 || said.Len() == 0 {
			t.Errorf("%v: %d %q", args, code, said.String())
		}
	}
}

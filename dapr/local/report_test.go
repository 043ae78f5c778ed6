package main

import (
	"strings"
	"testing"
	"time"
)

func TestFindWarningFindsWarningsErrorsAndPanics(t *testing.T) {
	for line, want := range map[string]string{
		`{"level":"INFO","msg":"listening"}`:                                                               "",
		`{"level":"WARN","msg":"slow","error":"5 s"}`:                                                      "warn: slow: 5 s",
		`{"level":"ERROR","msg":"request failed"}`:                                                         "error: request failed",
		`{"app_id":"order","level":"info","msg":"level=error"}`:                                            "",
		`{"app_id":"order","level":"warning","msg":"no \"peer\""}`:                                         `warn: no "peer"`,
		`{"app_id":"order","level":"warning","msg":"[DEPRECATION NOTICE] x"}`:                              "",
		`{"app_id":"order","level":"fatal","msg":"Kafka is away"}`:                                         "fatal: Kafka is away",
		`{"level":"error","msg":"Failed to update host registration: failed to update: context canceled"}`: "",
		`{"level":"error","msg":"Failed to update host registration: database is locked"}`:                 "error: Failed to update host registration: database is locked",
		`panic: runtime error: index out of range`:                                                         "panic: runtime error: index out of range",
		`order: JWT_SECRET_KEY is not set: set it in the environment`:                                      "",
		`{"level":"WARN","msg":` + `"` + strings.Repeat("é", 300) + `"}`:                                   "warn: " + strings.Repeat("é", maxLineLength-1) + "…",
	} {
		if got, found := findWarning(line); got != want || found != (want != "") {
			t.Errorf("%.60s:\n got %q\nwant %q", line, got, want)
		}
	}
}

func TestReporterCountsTheWarningsThatItDoesNotShow(t *testing.T) {
	var out strings.Builder
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	c := newConsole(&out, false)
	c.now = func() time.Time { return now }
	r := &reporter{console: c, program: "order", file: "order.log"}
	warning := `{"level":"WARN","msg":"Kafka is away"}`

	r.handleLine(warning)
	if out.Len() > 0 {
		t.Errorf("got %q before the pair was ready, want nothing", out.String())
	}
	r.showWarnings.Store(true)
	for range 40 {
		r.handleLine(warning)
	}
	r.reportMuted()
	now = now.Add(muteTime)
	r.reportMuted()
	r.reportMuted()
	want := "12:00:00  order            warn: Kafka is away\n12:00:15  order            39 more warnings and errors (order.log)\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

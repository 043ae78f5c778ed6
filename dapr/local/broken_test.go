package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A service whose own setting is wrong ends the run, with its own word for it.
func TestAWrongSettingOfAServiceIsSaid(t *testing.T) {
	p := aPlace(t)
	t.Setenv("RATE_LIMIT_BURST", "abc")
	err := up(t.Context(), p, command{}, newConsole(t.Output(), false))
	if err == nil || !strings.Contains(err.Error(), "gateway: RATE_LIMIT_BURST has to be a whole number") || strings.Contains(err.Error(), "\n") {
		t.Errorf("ended with %v", err)
	}
}

// `dapr run` gives up as a whole when one app cannot even be started.
func TestWhatCannotBeStartedIsSaid(t *testing.T) {
	p := aPlace(t)
	path := filepath.Join(p.root, "dapr", "dapr.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "bin/user", "bin/nobody", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	err = up(t.Context(), p, command{}, newConsole(io.MultiWriter(&out, t.Output()), false))
	if err == nil {
		t.Fatal("it started")
	}
	if !strings.Contains(err.Error(), "bin/nobody: no such file") {
		t.Errorf("ended with %v", err)
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %v", err)
	}
	if strings.Contains(out.String(), "auth             DIED") {
		t.Error("what the CLI took with it is named as dead")
	}
}

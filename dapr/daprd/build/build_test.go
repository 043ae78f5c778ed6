package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Another Dapr than the one our file was written for stops the build, and says in one line what to do.
func TestAnotherOriginalIsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "dapr/pkg/outbox.go", "original")
	sum, err := fileSum("dapr/pkg/outbox.go")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(ourFiles, sumsFile), sum+"  pkg/outbox.go\n")
	if paths, err := checkReplaced("dapr"); err != nil || len(paths) != 1 || paths[0] != "pkg/outbox.go" {
		t.Fatalf("%v, %v", paths, err)
	}
	write(t, "dapr/pkg/outbox.go", "changed upstream")
	_, err = checkReplaced("dapr")
	if err == nil || !strings.Contains(err.Error(), "pkg/outbox.go is not the file our engine replaces") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}

func TestStampHoldsForThisProgramAlone(t *testing.T) {
	program := filepath.Join(t.TempDir(), "daprd")
	write(t, program, "one")
	if err := writeStamp(program, "inputs"); err != nil {
		t.Fatal(err)
	}
	if !isUpToDate(program, "inputs") || isUpToDate(program, "other inputs") {
		t.Error("the stamp does not depend on the inputs")
	}
	write(t, program, "another")
	if isUpToDate(program, "inputs") {
		t.Error("the stamp holds for a program it was not written for")
	}
}

func TestFollowTellsNamesFromComplaints(t *testing.T) {
	output := "github.com/a/b\ninternal/c\n# github.com/d\nd.go:1:2: undefined: x\nnet/http\n"
	if got := follow(strings.NewReader(output), 3, os.Stderr); got != "# github.com/d\nd.go:1:2: undefined: x\n" {
		t.Errorf("complaints: %q", got)
	}
}

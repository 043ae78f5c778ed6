package build

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestFreshnessDependsOnInputsAndProgram(t *testing.T) {
	program := filepath.Join(t.TempDir(), "broker")
	if isFresh(program, "inputs") {
		t.Error("got fresh for a program that does not exist")
	}
	if err := os.WriteFile(program, []byte("one"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := markFresh(program, "inputs"); err != nil {
		t.Fatal(err)
	}
	if !isFresh(program, "inputs") || isFresh(program, "other inputs") {
		t.Error("want fresh for the recorded inputs and not for others")
	}
	if err := os.Chtimes(program, time.Time{}, time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if isFresh(program, "inputs") {
		t.Error("got fresh for another program at the same path")
	}
}

func TestUnchangedBrokerIsNotBuiltAgain(t *testing.T) {
	program, err := Broker(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "") // without the go command
	if _, err := Broker(t.Context(), t.Output()); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(program)
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the broker was built again (%v)", err)
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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

// original writes an upstream file and the sums that recognise it.
func original(t *testing.T, path, text string) {
	t.Helper()
	write(t, filepath.Join("upstream", path), text)
	sum, err := fileSum(filepath.Join("upstream", path))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join("_changes", sumsFile), sum+"  "+path+"\n")
}

const lines, diff = "one\ntwo\nthree\n", "--- a/pkg/file.go\n+++ b/pkg/file.go\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"

func TestUnknownOriginalIsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, ours := range []string{"pkg/file.go", "pkg/file.go.patch"} {
		t.Run(ours, func(t *testing.T) {
			t.Chdir(t.TempDir())
			original(t, "pkg/file.go", lines)
			write(t, filepath.Join("_changes", ours), diff)
			if _, err := readChanges("_changes", "upstream"); err != nil {
				t.Fatal(err)
			}
			write(t, "upstream/pkg/file.go", "changed upstream")
			_, err := readChanges("_changes", "upstream")
			if err == nil || !strings.Contains(err.Error(), "adapt ours") || strings.Contains(err.Error(), "\n") {
				t.Errorf("want one line that says what to do: %v", err)
			}
		})
	}
}

func TestListedFileWithoutChangeIsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	original(t, "pkg/file.go", lines)
	if _, err := readChanges("_changes", "upstream"); err == nil || !strings.Contains(err.Error(), "pkg/file.go.patch") {
		t.Errorf("%v", err)
	}
}

func TestPatchIsApplied(t *testing.T) {
	t.Chdir(t.TempDir())
	original(t, "pkg/file.go", lines)
	write(t, "_changes/pkg/file.go.patch", diff)
	changes, err := readChanges("_changes", "upstream")
	if err != nil || len(changes) != 1 {
		t.Fatalf("%v, %v", changes, err)
	}
	path, err := changes[0].apply("upstream", "patched")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "one\n2\nthree\n" {
		t.Errorf("%q, %v", text, err)
	}
}

func TestPatchThatDoesNotFitIsRefused(t *testing.T) {
	for name, bad := range map[string]string{"other context": strings.Replace(diff, " one", " uno", 1), "no diff": "hello\n", "two files": diff + diff} {
		if text, err := applyPatch([]byte(lines), []byte(bad)); err == nil {
			t.Errorf("%s: applied as %q", name, text)
		}
	}
}

func TestInputsAreOursAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	write(t, "main.go", "package main")
	before, err := hashInputs(false, ".")
	if err != nil {
		t.Fatal(err)
	}
	for path, counts := range map[string]bool{"main_test.go": false, "README.md": false, "_x/a.go.patch": true, "_x/SHA256SUMS": true, "go.sum": true} {
		write(t, path, "text")
		after, err := hashInputs(false, ".")
		if err != nil || (after != before) != counts {
			t.Errorf("%s: changed %v, want %v (%v)", path, after != before, counts, err)
		}
		before = after
	}
	if stock, err := hashInputs(true, "."); err != nil || stock == before {
		t.Errorf("a stock build has the same inputs (%v)", err)
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
	if err := os.Chtimes(program, time.Time{}, time.Unix(1, 0)); err != nil { // another program of the same size
		t.Fatal(err)
	}
	if isUpToDate(program, "inputs") {
		t.Error("the stamp holds for a program it was not written for")
	}
}

func TestFollowTellsNamesFromComplaints(t *testing.T) {
	output := "github.com/a/b\ninternal/c\n# github.com/d\nd.go:1:2: undefined: x\nnet/http\n"
	if got := follow(strings.NewReader(output), "daprd", 3, os.Stderr); got != "# github.com/d\nd.go:1:2: undefined: x\n" {
		t.Errorf("complaints: %q", got)
	}
}

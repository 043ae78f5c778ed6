package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// writeOriginal writes an upstream file, and its sum into SHA256SUMS.
func writeOriginal(t *testing.T, path, text string) {
	t.Helper()
	writeFile(t, filepath.Join("upstream", path), text)
	sum, err := fileSum(filepath.Join("upstream", path))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join("_changes", sumsFile), sum+"  "+path+"\n")
}

const lines, diff = "one\ntwo\nthree\n", "--- a/pkg/file.go\n+++ b/pkg/file.go\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"

func TestChangedOriginalIsRejected(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, ours := range []string{"pkg/file.go", "pkg/file.go.patch"} {
		t.Run(ours, func(t *testing.T) {
			t.Chdir(t.TempDir())
			writeOriginal(t, "pkg/file.go", lines)
			writeFile(t, filepath.Join("_changes", ours), diff)
			if _, err := readChanges("_changes", "upstream"); err != nil {
				t.Fatal(err)
			}
			writeFile(t, "upstream/pkg/file.go", "changed upstream")
			_, err := readChanges("_changes", "upstream")
			if err == nil || !strings.Contains(err.Error(), "adapt ours") || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line that says what to do", err)
			}
		})
	}
}

func TestListedFileWithoutChangeIsRejected(t *testing.T) {
	t.Chdir(t.TempDir())
	writeOriginal(t, "pkg/file.go", lines)
	if _, err := readChanges("_changes", "upstream"); err == nil || !strings.Contains(err.Error(), "pkg/file.go.patch") {
		t.Errorf("got %v, want an error that names pkg/file.go.patch", err)
	}
}

func TestPatchIsApplied(t *testing.T) {
	t.Chdir(t.TempDir())
	writeOriginal(t, "pkg/file.go", lines)
	writeFile(t, "_changes/pkg/file.go.patch", diff)
	changes, err := readChanges("_changes", "upstream")
	if err != nil || len(changes) != 1 {
		t.Fatalf("got the changes %v (error: %v), want one", changes, err)
	}
	path, err := changes[0].apply("upstream", "patched")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "one\n2\nthree\n" {
		t.Errorf("got %q (error: %v), want the patched text", text, err)
	}
}

func TestPatchThatDoesNotMatchIsRejected(t *testing.T) {
	for name, bad := range map[string]string{"other context": strings.Replace(diff, " one", " uno", 1), "no diff": "hello\n", "two files": diff + diff} {
		if text, err := applyPatch([]byte(lines), []byte(bad)); err == nil {
			t.Errorf("%s: got %q, want an error", name, text)
		}
	}
}

func TestHashInputsCountsOnlyTheFilesOfTheBuild(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "main.go", "package main")
	before, err := hashInputs(false, ".")
	if err != nil {
		t.Fatal(err)
	}
	for path, isInput := range map[string]bool{"main_test.go": false, "README.md": false, "_x/a.go.patch": true, "_x/SHA256SUMS": true, "go.sum": true} {
		writeFile(t, path, "text")
		after, err := hashInputs(false, ".")
		if err != nil || (after != before) != isInput {
			t.Errorf("%s: got changed %v, want %v (error: %v)", path, after != before, isInput, err)
		}
		before = after
	}
	if stock, err := hashInputs(true, "."); err != nil || stock == before {
		t.Errorf("got the same hash for a stock build (error: %v)", err)
	}
}

func TestStampIsValidForItsOwnProgramOnly(t *testing.T) {
	program := filepath.Join(t.TempDir(), "daprd")
	writeFile(t, program, "one")
	if err := writeStamp(program, "inputs"); err != nil {
		t.Fatal(err)
	}
	if !isUpToDate(program, "inputs") || isUpToDate(program, "other inputs") {
		t.Error("want up to date for the inputs of the stamp and not for others")
	}
	if err := os.Chtimes(program, time.Time{}, time.Unix(1, 0)); err != nil { // another program of the same size
		t.Fatal(err)
	}
	if isUpToDate(program, "inputs") {
		t.Error("got up to date for another program at the same path")
	}
}

func TestFollowBuildReturnsLinesThatAreNoPackageNames(t *testing.T) {
	output := "github.com/a/b\ninternal/c\n# github.com/d\nd.go:1:2: undefined: x\nnet/http\n"
	if got := followBuild(strings.NewReader(output), "daprd", 3, os.Stderr); got != "# github.com/d\nd.go:1:2: undefined: x\n" {
		t.Errorf("got %q, want the two lines of the error", got)
	}
}

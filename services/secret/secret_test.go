package secret

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var list = []Secret{
	{Name: "AUTH_TOKEN", Also: "TOKEN", Make: Token},
	{Name: "ADMIN_PASSWORD", Make: Password, Check: CheckPassword},
}

func TestCompletePrefersTheEnvironmentThenTheStoredValue(t *testing.T) {
	stored := map[string]string{}
	first, generated, err := Complete(list, stored, nil)
	if err != nil || generated != 2 || first["AUTH_TOKEN"] == "" || first["AUTH_TOKEN"] == first["ADMIN_PASSWORD"] {
		t.Fatalf("got %v with %d new values (error: %v), want two different new values", first, generated, err)
	}
	second, generated, err := Complete(list, stored, map[string]string{"TOKEN": "given"})
	if err != nil || generated != 0 || second["AUTH_TOKEN"] != "given" || second["ADMIN_PASSWORD"] != first["ADMIN_PASSWORD"] {
		t.Fatalf("got %v with %d new values (error: %v), want the given token and the stored password", second, generated, err)
	}
	if stored["AUTH_TOKEN"] != first["AUTH_TOKEN"] {
		t.Error("a value of the environment replaced the stored one")
	}
	_, _, err = Complete(list, stored, map[string]string{"TOKEN": "a\nb", "ADMIN_PASSWORD": "hush"})
	if err == nil || err.Error() != "TOKEN must be one line\nADMIN_PASSWORD must be 8 to 72 bytes long" {
		t.Errorf("got the error %v, want one line for each invalid value", err)
	}
}

func TestReadReturnsTheSettingsThatWriteWrote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.env")
	if _, err := Read(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want fs.ErrNotExist", err)
	}
	if err := Write(path, []byte("# a comment=1\nA=b=c\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(path); err != nil || len(got) != 1 || got["A"] != "b=c" {
		t.Errorf("got %v (error: %v), want only A with the value b=c", got, err)
	}
}

func TestWrittenFileHasItsMode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Write(path, []byte("content"), 0o640); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("got %v, %v, want the mode 0640", info.Mode(), err)
	}
}

// Write flushes the content before it renames the file, and the folder before it returns. After a power failure there is either the whole
// old file or the whole new one.
func TestWriteFlushesTheContentThenTheFolder(t *testing.T) {
	defer func(before func(*os.File) error) { flushToDisk = before }(flushToDisk)
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	var flushed []string
	var diskError error
	flushToDisk = func(file *os.File) error {
		current, err := os.ReadFile(path)
		fresh, _ := os.ReadFile(path + ".new")
		flushed = append(flushed, filepath.Base(file.Name())+": "+string(current)+" "+string(fresh))
		return errors.Join(err, diskError)
	}
	if err := Write(path, []byte("new"), 0o400); err != nil {
		t.Fatal(err)
	}
	if want := []string{"file.new: old new", filepath.Base(folder) + ": new "}; !slices.Equal(flushed, want) {
		t.Errorf("got %q, want %q", flushed, want)
	}
	diskError = errors.New("the disk is full")
	if err := Write(path, []byte("newer"), 0o400); !errors.Is(err, diskError) {
		t.Errorf("got the error %v, want %v", err, diskError)
	}
	if current, err := os.ReadFile(path); string(current) != "new" {
		t.Errorf("after a failed flush: got %q (error: %v), want the old content", current, err)
	}
}

func TestQuotedTextIsLiteralInAShell(t *testing.T) {
	if got := Quote("it's"); got != `'it'\''s'` || strings.Contains(Quote("a b"), `\`) {
		t.Errorf("got %s, want the quote escaped and no other backslash", got)
	}
}

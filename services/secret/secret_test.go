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

func TestCompletePrefersTheGivenThenTheKept(t *testing.T) {
	kept := map[string]string{}
	first, made, err := Complete(list, kept, nil)
	if err != nil || made != 2 || first["AUTH_TOKEN"] == "" || first["AUTH_TOKEN"] == first["ADMIN_PASSWORD"] {
		t.Fatalf("made %d: %v, %v", made, first, err)
	}
	second, made, err := Complete(list, kept, map[string]string{"TOKEN": "given"})
	if err != nil || made != 0 || second["AUTH_TOKEN"] != "given" || second["ADMIN_PASSWORD"] != first["ADMIN_PASSWORD"] {
		t.Fatalf("made %d: %v, %v", made, second, err)
	}
	if kept["AUTH_TOKEN"] != first["AUTH_TOKEN"] {
		t.Error("a given value is kept")
	}
	_, _, err = Complete(list, kept, map[string]string{"TOKEN": "a\nb", "ADMIN_PASSWORD": "hush"})
	if err == nil || err.Error() != "TOKEN has to be one line\nADMIN_PASSWORD has to be 8 to 72 bytes long" {
		t.Errorf("bad values: %v", err)
	}
}

func TestReadFindsWhatWriteWrote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.env")
	if _, err := Read(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a file: %v", err)
	}
	if err := Write(path, []byte("# a comment=1\nA=b=c\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(path); err != nil || len(got) != 1 || got["A"] != "b=c" {
		t.Errorf("%v, %v", got, err)
	}
}

// After a loss of power there is the old file or the new one: the content is on the disk before the name is, and the name
// before Write returns.
func TestWriteFlushesTheContentThenTheName(t *testing.T) {
	defer func(before func(*os.File) error) { flush = before }(flush)
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	var seen []string
	full := error(nil)
	flush = func(file *os.File) error {
		at, err := os.ReadFile(path)
		fresh, _ := os.ReadFile(path + ".new")
		seen = append(seen, filepath.Base(file.Name())+": "+string(at)+" "+string(fresh))
		return errors.Join(err, full)
	}
	if err := Write(path, []byte("new"), 0o400); err != nil {
		t.Fatal(err)
	}
	if want := []string{"file.new: old new", filepath.Base(folder) + ": new "}; !slices.Equal(seen, want) {
		t.Errorf("got %q, want %q", seen, want)
	}
	full = errors.New("the disk is full")
	if err := Write(path, []byte("newer"), 0o400); !errors.Is(err, full) {
		t.Errorf("on a full disk: %v", err)
	}
	if at, err := os.ReadFile(path); string(at) != "new" {
		t.Errorf("content that the disk did not take is there: %q %v", at, err)
	}
}

func TestQuoteSurvivesAShell(t *testing.T) {
	if got := Quote("it's"); got != `'it'\''s'` || strings.Contains(Quote("a b"), `\`) {
		t.Error(got)
	}
}

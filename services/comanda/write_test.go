package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Who may read a file is the same whatever the umask, and is put right if somebody has changed it.
func TestEachFileIsReadableByThoseItIsFor(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	p := newPlace(t)
	want := map[string]fs.FileMode{
		filepath.Join(p.kept, "secrets.env"):              0o400,
		filepath.Join(p.run, "auth", "env"):               0o400,
		filepath.Join(p.run, "auth", program):             0o555,
		filepath.Join(p.run, "tools", program):            0o555,
		filepath.Join(p.run, "auth-db", "password"):       0o444,
		filepath.Join(p.run, "grafana", "admin-password"): 0o444,
	}
	for _, when := range []string{"at first", "after somebody changed it"} {
		p.make(t)
		for path, mode := range want {
			about, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if about.Mode() != mode {
				t.Errorf("%s, %s has the mode %v, not %v", when, path, about.Mode(), mode)
			}
			if err := os.Chmod(path, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A loss of power leaves the old file or the new one: its content is on the disk before its name is, and its name before
// anything else goes on.
func TestAFileIsOnTheDiskBeforeItCounts(t *testing.T) {
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
	if err := write(path, []byte("new"), 0o400); err != nil {
		t.Fatal(err)
	}
	if want := []string{"file.new: old new", filepath.Base(folder) + ": new "}; !slices.Equal(seen, want) {
		t.Errorf("got %q, want %q", seen, want)
	}
	full = errors.New("the disk is full")
	if err := write(path, []byte("newer"), 0o400); !errors.Is(err, full) {
		t.Errorf("says %v", err)
	}
	if at, err := os.ReadFile(path); string(at) != "new" {
		t.Errorf("what the disk did not take is there: %q %v", at, err)
	}
}

// The secrets are on the disk before anybody gets them: a database that begins with a password which is then lost is closed
// for good.
func TestSecretsAreKeptBeforeTheyAreHandedOut(t *testing.T) {
	defer func(before func(*os.File) error) { flush = before }(flush)
	p := newPlace(t)
	flush = func(file *os.File) error {
		if strings.HasPrefix(file.Name(), p.kept) {
			return errors.New("the disk is full")
		}
		t.Errorf("%s is written", file.Name())
		return nil
	}
	if code, said := p.call([]string{key}); code != 1 || said != "comanda secrets: the disk is full\n" {
		t.Errorf("%d %s", code, said)
	}
}

// An emptied file is an accident, and no first run: the databases keep the passwords they have.
func TestAFileWithoutSecretsIsNoFirstRun(t *testing.T) {
	p := newPlace(t)
	p.make(t)
	before, store := p.read(t, "auth-db", "password"), filepath.Join(p.kept, "secrets.env")
	for _, content := range []string{"", "# nothing\n", "AUTH_DATABASE_PASSWORD=\n", strings.Repeat("\x00", 100)} {
		if err := errors.Join(os.Remove(store), os.WriteFile(store, []byte(content), 0o400)); err != nil {
			t.Fatal(err)
		}
		want := store + " is there but holds no secret: put back its copy (docs/operations.md), or remove it if there is no data yet\n"
		for _, args := range [][]string{nil, {"show"}} {
			if code, said := p.call([]string{key}, args...); code != 1 || said != "comanda secrets: "+want {
				t.Errorf("%q, %v: %d %s", content, args, code, said)
			}
		}
		if after := p.read(t, "auth-db", "password"); after != before {
			t.Errorf("%q: another password is handed out", content)
		}
	}
}

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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

// The secrets are on the disk before any part gets them: a database that starts with a password which is then lost is
// locked for good.
func TestSecretsAreKeptBeforeTheyAreHandedOut(t *testing.T) {
	p := newPlace(t)
	// What cannot be replaced stands where the file is written first.
	if err := os.MkdirAll(filepath.Join(p.kept, "secrets.env.new", "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	if code, said := p.call([]string{key}); code != 1 || !strings.Contains(said, "file exists") {
		t.Errorf("%d %s", code, said)
	}
	if _, err := os.Stat(filepath.Join(p.run, "auth-db", "password")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the database has a password that is not kept (%v)", err)
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

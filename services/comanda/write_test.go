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

// Each file has its mode regardless of the umask. The next run corrects a mode that was changed.
func TestEachFileHasItsModeRegardlessOfTheUmask(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	p := newFolders(t)
	want := map[string]fs.FileMode{
		filepath.Join(p.store, "secrets.env"):             0o400,
		filepath.Join(p.run, "auth", "env"):               0o400,
		filepath.Join(p.run, "auth", program):             0o555,
		filepath.Join(p.run, "tools", program):            0o555,
		filepath.Join(p.run, "auth-db", "password"):       0o444,
		filepath.Join(p.run, "grafana", "admin-password"): 0o444,
	}
	for _, when := range []string{"after the first run", "after its mode was changed"} {
		p.makeSecrets(t)
		for path, mode := range want {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if info.Mode() != mode {
				t.Errorf("%s, %s: got mode %v, want %v", when, path, info.Mode(), mode)
			}
			if err := os.Chmod(path, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The secrets are on the disk before any part gets them. Otherwise a database could start with a password that is then lost,
// and nothing could open it again.
func TestSecretsAreStoredBeforeTheyAreDistributed(t *testing.T) {
	p := newFolders(t)
	// A directory that is not empty blocks the path that the store is written to first.
	if err := os.MkdirAll(filepath.Join(p.store, "secrets.env.new", "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	if code, output := p.call([]string{key}); code != 1 || !strings.Contains(output, "file exists") {
		t.Errorf("got exit code %d and %q, want 1 and \"file exists\"", code, output)
	}
	if _, err := os.Stat(filepath.Join(p.run, "auth-db", "password")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the database got a password that is not stored (%v)", err)
	}
}

// A store that lost its content is an error and not a first run: the databases still have their passwords.
func TestStoreWithoutSecretsIsAnError(t *testing.T) {
	p := newFolders(t)
	p.makeSecrets(t)
	before, store := p.read(t, "auth-db", "password"), filepath.Join(p.store, "secrets.env")
	for _, content := range []string{"", "# nothing\n", "AUTH_DATABASE_PASSWORD=\n", strings.Repeat("\x00", 100)} {
		if err := errors.Join(os.Remove(store), os.WriteFile(store, []byte(content), 0o400)); err != nil {
			t.Fatal(err)
		}
		want := store + " exists but holds no secret: restore it from its backup (docs/operations.md), " +
			"or remove it if there is no data yet\n"
		for _, args := range [][]string{nil, {"show"}} {
			if code, output := p.call([]string{key}, args...); code != 1 || output != "comanda secrets: "+want {
				t.Errorf("content %q, arguments %v: got exit code %d and %q, want 1 and %q", content, args, code, output, want)
			}
		}
		if after := p.read(t, "auth-db", "password"); after != before {
			t.Errorf("content %q: the database got a new password", content)
		}
	}
}

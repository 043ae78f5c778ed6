package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"comanda/services"
	"comanda/services/secret"
)

const key = "JWT_SECRET_KEY=0123456789abcdef0123456789abcdef"

// place is where one system's secrets are.
type place struct{ kept, run string }

func newPlace(t *testing.T) place {
	t.Helper()
	p := place{filepath.Join(t.TempDir(), "secrets"), filepath.Join(t.TempDir(), "run")}
	if code, said := p.call(nil, "folders"); code != 0 {
		t.Fatal(said)
	}
	return p
}

// call runs `comanda secrets`, and returns its exit code and all it said.
func (p place) call(environ []string, args ...string) (code int, said string) {
	var out bytes.Buffer
	code = run(append([]string{"secrets", "-kept", p.kept, "-run", p.run}, args...), environ, &out, &out)
	return code, out.String()
}

func (p place) make(t *testing.T, environ ...string) {
	t.Helper()
	if code, said := p.call(append(environ, key)); code != 0 {
		t.Fatal(said)
	}
}

func (p place) read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{p.run}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (p place) settings(t *testing.T, part string) map[string]string {
	t.Helper()
	all, err := secret.Read(filepath.Join(p.run, part, "env"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSecretsAreMadeOnceAndKept(t *testing.T) {
	p := newPlace(t)
	p.make(t)
	before := map[string]string{}
	files := func(visit func(path, text string)) {
		err := filepath.WalkDir(p.run, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() && entry.Name() != program {
				text, err := os.ReadFile(path)
				visit(path, string(text))
				return err
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	files(func(path, text string) { before[path] = text })
	p.make(t)
	files(func(path, text string) {
		if before[path] != text {
			t.Errorf("%s is another now", path)
		}
		delete(before, path)
	})
	if len(before) > 0 {
		t.Errorf("gone: %v", before)
	}
}

// Whoever gets into one part finds nothing of another.
func TestEachPartGetsItsOwnAlone(t *testing.T) {
	p := newPlace(t)
	p.make(t)
	var parts []string
	folders, err := os.ReadDir(p.run)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range folders {
		parts = append(parts, folder.Name())
	}
	has := func(part, secret string) bool {
		found := false
		files, err := os.ReadDir(filepath.Join(p.run, part))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if file.Name() != program {
				found = found || strings.Contains(p.read(t, part, file.Name()), secret)
			}
		}
		return found
	}
	kept, err := secret.Read(filepath.Join(p.kept, "secrets.env"))
	if err != nil {
		t.Fatal(err)
	}
	owners := map[string][]string{"ADMIN_PASSWORD": {"auth"}, "GRAFANA_ADMIN_PASSWORD": {"grafana"}, "KITCHEN_PASSWORD": {}}
	for _, service := range services.Names {
		owners[of(service, "APP_API_TOKEN")] = []string{service}
		owners[of(service, "DAPR_API_TOKEN")] = []string{service}
	}
	for _, service := range services.Stateful {
		owners[of(service, "DATABASE_PASSWORD")] = []string{service, service + "-db"}
		owners[of(service, "DATABASE_MONITOR_PASSWORD")] = []string{service + "-db", service + "-db-exporter"}
	}
	for name, who := range owners {
		for _, part := range parts {
			want := false
			for _, owner := range who {
				want = want || owner == part
			}
			if got := has(part, kept[name]); got != want {
				t.Errorf("%s is with %s: %v", name, part, got)
			}
		}
	}
}

func TestEachPairHasTokensOfItsOwnUnlessTheyAreGiven(t *testing.T) {
	p := newPlace(t)
	p.make(t)
	if a, o := p.settings(t, "auth"), p.settings(t, "order"); a["APP_API_TOKEN"] == o["APP_API_TOKEN"] || a["DAPR_API_TOKEN"] == o["DAPR_API_TOKEN"] {
		t.Error("auth and order have the same tokens")
	}
	p.make(t, "APP_API_TOKEN=given")
	if got := p.settings(t, "auth")["APP_API_TOKEN"] + p.settings(t, "order")["APP_API_TOKEN"]; got != "givengiven" {
		t.Errorf("given: %s", got)
	}
	p.make(t)
	if got := p.settings(t, "auth")["APP_API_TOKEN"]; got != "given" {
		t.Errorf("what was given is forgotten: %s", got)
	}
}

func TestASecretCanBeGivenInAFile(t *testing.T) {
	p := newPlace(t)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("p@ss/word:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.make(t, "AUTH_DATABASE_PASSWORD_FILE="+file, "USER_DATABASE_PASSWORD_FILE=/dev/null")
	if got := p.read(t, "auth-db", "password"); got != "p@ss/word:1" {
		t.Errorf("the database has %q", got)
	}
	want := "postgres://auth:p%40ss%2Fword%3A1@auth-db:5432/auth?statement_timeout=5000&lock_timeout=2000"
	if got := p.settings(t, "auth")["AUTH_DATABASE_URL"]; got != want {
		t.Errorf("auth has %s", got)
	}
	if len(p.read(t, "user-db", "password")) < 20 {
		t.Error("an empty file is taken for a password")
	}
}

func TestWhatCannotWorkIsRefusedInOneLineWithoutTheValue(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ setting, want string }{
		"no key":              {"X=", "comanda secrets: JWT_SECRET_KEY is not set: set it to 32 bytes or more (openssl rand -base64 48 makes a good one)\n"},
		"a short key":         {"JWT_SECRET_KEY=hunter2", "comanda secrets: JWT_SECRET_KEY has 7 bytes, and needs at least 32 (openssl rand -base64 48 makes a good one)\n"},
		"a key in a file":     {"JWT_SECRET_KEY_FILE=KEY", "comanda secrets: JWT_SECRET_KEY is not set: set it to 32 bytes or more (openssl rand -base64 48 makes a good one)\n"},
		"no address":          {"ADMIN_EMAIL=hunter2", "comanda secrets: ADMIN_EMAIL is not an e-mail address\n"},
		"more than one":       {"KITCHEN_EMAIL=hunter2 <ana@example.com>", "comanda secrets: KITCHEN_EMAIL is not an e-mail address\n"},
		"a short password":    {"ADMIN_PASSWORD=hunter2", "comanda secrets: ADMIN_PASSWORD has to be 8 to 72 bytes long\n"},
		"more than a line":    {"APP_API_TOKEN=hunter2\nX=1", "comanda secrets: APP_API_TOKEN has to be one line\n"},
		"a file of somewhere": {"ADMIN_PASSWORD_FILE=/not/there", "comanda secrets: ADMIN_PASSWORD_FILE: open /not/there: no such file or directory\n"},
	} {
		p := newPlace(t)
		environ := []string{key, strings.Replace(tc.setting, "=KEY", "="+file, 1)}
		if strings.HasPrefix(tc.want, "comanda secrets: JWT") {
			environ = environ[1:]
		}
		code, said := p.call(environ)
		if code != 1 || said != tc.want {
			t.Errorf("%s: %d\n got %swant %s", name, code, said, tc.want)
		}
		if left, _ := os.ReadDir(p.kept); len(left) > 0 {
			t.Errorf("%s: something is kept", name)
		}
	}
}

func TestShowIsForAPersonAndForAShell(t *testing.T) {
	p := newPlace(t)
	if code, _ := p.call(nil, "show"); code != 1 {
		t.Error("shows what is not there")
	}
	p.make(t, "ADMIN_PASSWORD=it's me, Mario", "ADMIN_EMAIL=ana@example.com")
	code, said := p.call(nil, "show")
	if code != 0 {
		t.Fatal(said)
	}
	for _, line := range []string{`ADMIN_EMAIL='ana@example.com'`, `ADMIN_PASSWORD='it'\''s me, Mario'`, `GRAFANA_ADMIN_PASSWORD='`, `ORDER_DATABASE='postgres://order:`, `@127.0.0.1:5435/order'`} {
		if !strings.Contains(said, line) {
			t.Errorf("says nothing of %s:\n%s", line, said)
		}
	}
	if strings.Contains(said, "TOKEN") || strings.Contains(said, "JWT") {
		t.Errorf("shows what nobody logs in with:\n%s", said)
	}
}

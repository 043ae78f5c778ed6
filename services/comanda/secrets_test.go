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

// folders are the folders of one system's secrets.
type folders struct{ store, run string }

func newFolders(t *testing.T) folders {
	t.Helper()
	p := folders{filepath.Join(t.TempDir(), "secrets"), filepath.Join(t.TempDir(), "run")}
	if code, output := p.call(nil, "folders"); code != 0 {
		t.Fatal(output)
	}
	return p
}

// call runs `comanda secrets` and returns its exit code and its output.
func (p folders) call(environ []string, args ...string) (code int, output string) {
	var out bytes.Buffer
	code = run(append([]string{"secrets", "-kept", p.store, "-run", p.run}, args...), environ, &out, &out)
	return code, out.String()
}

func (p folders) makeSecrets(t *testing.T, environ ...string) {
	t.Helper()
	if code, output := p.call(append(environ, key)); code != 0 {
		t.Fatal(output)
	}
}

func (p folders) read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(append([]string{p.run}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (p folders) settings(t *testing.T, part string) map[string]string {
	t.Helper()
	settings, err := secret.Read(filepath.Join(p.run, part, "env"))
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

func TestSecretsAreGeneratedOnce(t *testing.T) {
	p := newFolders(t)
	p.makeSecrets(t)
	before := map[string]string{}
	visitFiles := func(visit func(path, text string)) {
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
	visitFiles(func(path, text string) { before[path] = text })
	p.makeSecrets(t)
	visitFiles(func(path, text string) {
		if before[path] != text {
			t.Errorf("the second run changed %s", path)
		}
		delete(before, path)
	})
	if len(before) > 0 {
		t.Errorf("the second run removed %v", before)
	}
}

// An intruder in one part finds no secret of another part.
func TestEachPartGetsOnlyItsOwnSecrets(t *testing.T) {
	p := newFolders(t)
	p.makeSecrets(t)
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
	stored, err := secret.Read(filepath.Join(p.store, "secrets.env"))
	if err != nil {
		t.Fatal(err)
	}
	owners := map[string][]string{"ADMIN_PASSWORD": {"auth"}, "GRAFANA_ADMIN_PASSWORD": {"grafana"}, "KITCHEN_PASSWORD": {}}
	for _, service := range services.Names {
		owners[settingOf(service, "APP_API_TOKEN")] = []string{service}
		owners[settingOf(service, "DAPR_API_TOKEN")] = []string{service}
	}
	for _, service := range services.Stateful {
		owners[settingOf(service, "EVENT_SIGNING_KEY")] = []string{service}
		owners[settingOf(service, "DATABASE_PASSWORD")] = []string{service, service + "-db"}
		owners[settingOf(service, "DATABASE_MONITOR_PASSWORD")] = []string{service + "-db", service + "-db-exporter"}
	}
	for name, ownerParts := range owners {
		for _, part := range parts {
			want := false
			for _, owner := range ownerParts {
				want = want || owner == part
			}
			if got := has(part, stored[name]); got != want {
				t.Errorf("part %s has %s: got %v, want %v", part, name, got, want)
			}
		}
	}
}

func TestEachPairHasItsOwnTokensUnlessTheOperatorSetsThem(t *testing.T) {
	p := newFolders(t)
	p.makeSecrets(t)
	if a, o := p.settings(t, "auth"), p.settings(t, "order"); a["APP_API_TOKEN"] == o["APP_API_TOKEN"] ||
		a["DAPR_API_TOKEN"] == o["DAPR_API_TOKEN"] {
		t.Error("auth and order have the same tokens")
	}
	p.makeSecrets(t, "APP_API_TOKEN=given")
	if got := p.settings(t, "auth")["APP_API_TOKEN"] + p.settings(t, "order")["APP_API_TOKEN"]; got != "givengiven" {
		t.Errorf("got the tokens %q, want both to be the token that was set", got)
	}
	p.makeSecrets(t)
	if got := p.settings(t, "auth")["APP_API_TOKEN"]; got != "given" {
		t.Errorf("got %q, want the token that an earlier run was given", got)
	}
}

// The operator's key goes to the services and nowhere else. It is not stored, and a new one replaces it.
func TestKeyReachesTheServicesFromAFileToo(t *testing.T) {
	p := newFolders(t)
	p.makeSecrets(t)
	file := filepath.Join(t.TempDir(), "key")
	fresh := strings.Repeat("k", 40)
	if err := os.WriteFile(file, []byte(fresh+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, output := p.call([]string{"JWT_SECRET_KEY_FILE=" + file}); code != 0 {
		t.Fatal(output)
	}
	for _, service := range services.Names {
		if got := p.read(t, service, "jwt-secret-key"); got != fresh {
			t.Errorf("%s: got the key %q, want the new one", service, got)
		}
		if got := p.read(t, service, "env"); strings.Contains(got, fresh) {
			t.Errorf("%s: its settings, which the sidecar gets too, contain the key", service)
		}
	}
	if stored, err := os.ReadFile(filepath.Join(p.store, "secrets.env")); err != nil || strings.Contains(string(stored), fresh) {
		t.Errorf("the stored secrets contain the key (error: %v)", err)
	}
}

func TestSecretIsReadFromAFile(t *testing.T) {
	p := newFolders(t)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("p@ss/word:1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.makeSecrets(t, "AUTH_DATABASE_PASSWORD_FILE="+file, "USER_DATABASE_PASSWORD_FILE=/dev/null")
	if got := p.read(t, "auth-db", "password"); got != "p@ss/word:1" {
		t.Errorf("got the database password %q, want p@ss/word:1", got)
	}
	want := "postgres://auth:p%40ss%2Fword%3A1@auth-db:5432/auth?" + services.DatabaseLimits
	if got := p.settings(t, "auth")["AUTH_DATABASE_URL"]; got != want {
		t.Errorf("got auth's URL %s, want %s", got, want)
	}
	if len(p.read(t, "user-db", "password")) < 20 {
		t.Error("an empty file was used as a password")
	}
}

func TestInvalidSecretIsRejectedInOneLineWithoutItsValue(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ setting, want string }{
		"no key": {"X=",
			"comanda secrets: JWT_SECRET_KEY is not set: set it to 32 bytes or more (openssl rand -base64 48 makes a good one)\n"},
		"a short key": {"JWT_SECRET_KEY=hunter2",
			"comanda secrets: JWT_SECRET_KEY has 7 bytes and needs at least 32 (openssl rand -base64 48 makes a good one)\n"},
		"a short key in a file": {"JWT_SECRET_KEY_FILE=SHORT",
			"comanda secrets: JWT_SECRET_KEY has 7 bytes and needs at least 32 (openssl rand -base64 48 makes a good one)\n"},
		"two keys": {"JWT_SECRET_KEY=hunter2\nJWT_SECRET_KEY_FILE=SHORT",
			"comanda secrets: JWT_SECRET_KEY and JWT_SECRET_KEY_FILE are both set: set only one of them\n"},
		"a short previous key": {key + "\nJWT_SECRET_KEY_PREVIOUS=hunter2",
			"comanda secrets: JWT_SECRET_KEY_PREVIOUS has 7 bytes and needs at least 32 (openssl rand -base64 48 makes a good one)\n"},
		"no e-mail address": {"ADMIN_EMAIL=hunter2", "comanda secrets: ADMIN_EMAIL is not an e-mail address\n"},
		"a name with it":    {"KITCHEN_EMAIL=hunter2 <ana@example.com>", "comanda secrets: KITCHEN_EMAIL is not an e-mail address\n"},
		"a short password":  {"ADMIN_PASSWORD=hunter2", "comanda secrets: ADMIN_PASSWORD must be 8 to 72 bytes long\n"},
		"two lines":         {"APP_API_TOKEN=hunter2\nX=1", "comanda secrets: APP_API_TOKEN must be one line\n"},
		"a missing file": {"ADMIN_PASSWORD_FILE=/not/there",
			"comanda secrets: ADMIN_PASSWORD_FILE: open /not/there: no such file or directory\n"},
	} {
		p := newFolders(t)
		setting := strings.Replace(tc.setting, "=SHORT", "="+file, 1)
		environ := []string{key, setting}
		if strings.HasPrefix(tc.want, "comanda secrets: JWT") {
			environ = strings.Split(setting, "\n")
		}
		code, output := p.call(environ)
		if code != 1 || output != tc.want {
			t.Errorf("%s: got exit code %d, want 1\n got %swant %s", name, code, output, tc.want)
		}
		if left, _ := os.ReadDir(p.store); len(left) > 0 {
			t.Errorf("%s: a secret was stored", name)
		}
	}
}

func TestShowPrintsLoginsThatAShellCanRead(t *testing.T) {
	p := newFolders(t)
	if code, _ := p.call(nil, "show"); code != 1 {
		t.Error("show succeeded before any secret was stored")
	}
	p.makeSecrets(t, "ADMIN_PASSWORD=it's me, Mario", "ADMIN_EMAIL=ana@example.com")
	code, output := p.call(nil, "show")
	if code != 0 {
		t.Fatal(output)
	}
	for _, line := range []string{`ADMIN_EMAIL='ana@example.com'`, `ADMIN_PASSWORD='it'\''s me, Mario'`, `GRAFANA_ADMIN_PASSWORD='`,
		`ORDER_DATABASE='postgres://order:`, `@127.0.0.1:5435/order'`} {
		if !strings.Contains(output, line) {
			t.Errorf("got\n%swant a line with %s", output, line)
		}
	}
	for line := range strings.Lines(output) { // only the names: a random password may contain any three letters
		if name, _, _ := strings.Cut(line, "="); strings.Contains(name, "TOKEN") || strings.Contains(name, "JWT") {
			t.Errorf("got %s, which is no login", name)
		}
	}
	stored, err := secret.Read(filepath.Join(p.store, "secrets.env"))
	if err != nil {
		t.Fatal(err)
	}
	stored["JWT_SECRET_KEY"] = strings.TrimPrefix(key, "JWT_SECRET_KEY=")
	for name, value := range stored {
		if (strings.Contains(name, "TOKEN") || strings.Contains(name, "JWT")) && strings.Contains(output, value) {
			t.Errorf("the output contains the value of %s", name)
		}
	}
}

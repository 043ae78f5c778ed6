package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"comanda/services/secret"
)

func env(pairs ...string) map[string]string {
	environ := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		environ[pairs[i]] = pairs[i+1]
	}
	return environ
}

func TestSettingsAreGeneratedOnceAndStored(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.env")
	first, err := loadSettings(path, "http://127.0.0.1:8080", env())
	if err != nil {
		t.Fatal(err)
	}
	if len(first["JWT_SECRET_KEY"]) < secret.MinimumKey {
		t.Errorf("got a JWT_SECRET_KEY of %d bytes, want at least %d", len(first["JWT_SECRET_KEY"]), secret.MinimumKey)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("secrets.env: got mode %v (error: %v), want 0600", info.Mode(), err)
	}
	second, err := loadSettings(path, "http://127.0.0.1:8080", env("ADMIN_EMAIL", "me@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	if second["ADMIN_EMAIL"] != "me@example.com" {
		t.Errorf("got ADMIN_EMAIL %s, want the value of the environment", second["ADMIN_EMAIL"])
	}
	if stored, err := secret.Read(path); err != nil || stored["ADMIN_EMAIL"] != first["ADMIN_EMAIL"] {
		t.Errorf("got the stored ADMIN_EMAIL %s (error: %v), want the generated one", stored["ADMIN_EMAIL"], err)
	}
	delete(first, "ADMIN_EMAIL")
	for name, value := range first {
		if second[name] != value {
			t.Errorf("%s changed from one run to the next", name)
		}
	}
}

// Secrets in a file that others can read are no longer secret. The error says what to do.
func TestSecretsThatOthersCanReadAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.env")
	if _, err := loadSettings(path, "", env()); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := loadSettings(path, "", env()); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
}

func TestEachSettingGetsItsOwnValue(t *testing.T) {
	s, err := loadSettings(filepath.Join(t.TempDir(), "secrets.env"), "", env())
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for name, value := range s {
		if other := seen[value]; other != "" {
			t.Errorf("%s and %s have the same value", name, other)
		}
		seen[value] = name
	}
}

func TestInvalidSettingIsReportedInOneLineWithoutItsValue(t *testing.T) {
	external := []string{"COMANDA_BACKING", "external", "KAFKA_BROKERS", "k:9092", "AUTH_DATABASE_URL", "x",
		"USER_DATABASE_URL", "x", "ORDER_DATABASE_URL", "x", "PRODUCT_DATABASE_URL", "x"}
	for name, test := range map[string]struct {
		set  []string
		want string
	}{
		"nothing set":               {nil, ""},
		"all of external":           {external, ""},
		"a short key":               {[]string{"JWT_SECRET_KEY", "hush"}, "JWT_SECRET_KEY has 4 bytes"},
		"no e-mail":                 {[]string{"ADMIN_EMAIL", "admin"}, "ADMIN_EMAIL is not an e-mail address"},
		"more than an address":      {[]string{"KITCHEN_EMAIL", "Ana <ana@example.com>"}, "KITCHEN_EMAIL is not an e-mail address"},
		"a short password":          {[]string{"ADMIN_PASSWORD", "x"}, "ADMIN_PASSWORD must be 8 to 72 bytes"},
		"no address for spans":      {[]string{"OTEL_EXPORTER_ZIPKIN_ENDPOINT", "hush:9411"}, "OTEL_EXPORTER_ZIPKIN_ENDPOINT must be a URL"},
		"no port for metrics":       {[]string{"METRICS_PORT", "hush"}, "METRICS_PORT must be a port"},
		"unknown backing":           {[]string{"COMANDA_BACKING", "mysql"}, "COMANDA_BACKING=mysql is unknown: choose"},
		"external without Kafka":    {append(external[:2:2], external[4:]...), "COMANDA_BACKING=external needs KAFKA_BROKERS"},
		"a shell with .comanda/env": {append([]string{depsVariable, "/state"}, external[2:]...), ""},
		"Kafka without external":    {external[2:4], "only COMANDA_BACKING=external uses it"},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(invalidSettings(env(test.set...)), "\n")
			if !strings.Contains(got, test.want) || (test.want == "" && got != "") || strings.Contains(got, "\n") {
				t.Errorf("got %q, want one line with %q", got, test.want)
			}
			if strings.Contains(got, "hush") {
				t.Errorf("the line %q contains the value", got)
			}
		})
	}
}

func TestUnknownArgumentIsReportedInOneLine(t *testing.T) {
	var stderr strings.Builder
	if code := run([]string{"-foo"}, io.Discard, &stderr); code != 2 || !strings.Contains(stderr.String(), "-foo: ARGS can be -v") || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("got exit code %d and %q, want 2 and one line that names the arguments", code, stderr.String())
	}
}

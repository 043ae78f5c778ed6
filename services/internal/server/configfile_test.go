package server_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"comanda/services/internal/server"
)

// Every setting can come from a file, the secrets first of all, so that none has to be in the environment.
func TestLoadConfigReadsSettingsFromFiles(t *testing.T) {
	t.Parallel()
	file := func(content string) string {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	got, err := server.LoadConfig[config]([]string{
		"APP_PORT=5010", "JWT_SECRET_KEY_FILE=" + file(secret+"\n"), "APP_API_TOKEN_FILE=" + file("app"),
		"DAPR_API_TOKEN_FILE=" + file(" dapr \r\n"), "RECOVERY_EVERY_FILE=" + file("5s\n"),
		"AWS_WEB_IDENTITY_TOKEN_FILE=/not/there", // another program's
	})
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Keys.Current) != secret || got.AppToken != "app" || got.Sidecar.APIToken != " dapr " || got.Every.String() != "5s" {
		t.Errorf("got %q %q %q %s, want the files' contents without the last line end", string(got.Keys.Current), got.AppToken,
			got.Sidecar.APIToken, got.Every)
	}
	for name, tc := range map[string]struct{ setting, want string }{
		"both": {"JWT_SECRET_KEY_FILE=" + file("hunter2"),
			"JWT_SECRET_KEY and JWT_SECRET_KEY_FILE are both set: set only one of them"},
		"a missing file": {"APP_API_TOKEN_FILE=/not/there", "APP_API_TOKEN_FILE: open /not/there: no such file or directory"},
		"two of them": {"APP_API_TOKEN_FILE=" + file("hunter2") + "\nJWT_SECRET_KEY_FILE=/not/there",
			"APP_API_TOKEN and APP_API_TOKEN_FILE are both set: set only one of them; " +
				"JWT_SECRET_KEY_FILE: open /not/there: no such file or directory"},
		"an empty file": {"JWT_SECRET_KEY=\nJWT_SECRET_KEY_FILE=" + file("\n"),
			"JWT_SECRET_KEY is not set: set it in the environment (README, Settings)"},
	} {
		_, err := server.LoadConfig[config](environ(strings.Split(tc.setting, "\n")...))
		if err == nil || err.Error() != tc.want {
			t.Errorf("%s:\n got %v\nwant %s", name, err, tc.want)
		}
	}
}

package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"comanda/services/internal/server"
	"comanda/services/internal/token"
)

type config struct {
	server.Config
	Keys  token.Keys
	Every time.Duration `env:"RECOVERY_EVERY" envDefault:"30s"`
	Seed  bool          `env:"SEED_MENU"`
}

const secret = "0123456789abcdef0123456789abcdef"

func environ(changes ...string) []string {
	return append([]string{"APP_PORT=5010", "APP_API_TOKEN=app", "DAPR_API_TOKEN=dapr", "JWT_SECRET_KEY=" + secret, "DAPR_HTTP_PORT=3510"}, changes...)
}

func TestLoadConfigReadsAllSettings(t *testing.T) {
	got, err := server.LoadConfig[config](environ("RECOVERY_EVERY=5s", "SEED_MENU=true"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Keys.Current) != secret || got.Port != 5010 || got.BindHost != "127.0.0.1" || got.LogLevel != "info" {
		t.Errorf("got settings %d %s %s", got.Port, got.BindHost, got.LogLevel)
	}
	if got.Sidecar.URL() != "http://127.0.0.1:3510" || got.Sidecar.GRPCPort != 50001 || got.Sidecar.APIToken != "dapr" {
		t.Errorf("got sidecar settings %+v", got.Sidecar)
	}
	if got.Every != 5*time.Second || !got.Seed {
		t.Errorf("got the service's own settings %v %v", got.Every, got.Seed)
	}
}

// A space at the end of a secret may belong to the secret. At the end of another setting it does not.
func TestSpacesOfSecretsAreKept(t *testing.T) {
	got, err := server.LoadConfig[config](environ("JWT_SECRET_KEY="+secret+" ", "JWT_SECRET_KEY_PREVIOUS="+secret+" ", "RECOVERY_EVERY=5s "))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range got.Keys.All() {
		if string(key) != secret+" " {
			t.Errorf("got a key of %d bytes, want %d", len(key), len(secret)+1)
		}
	}
	if len(got.Keys.All()) != 2 || got.Every != 5*time.Second {
		t.Errorf("got %d keys and %v, want 2 and 5s", len(got.Keys.All()), got.Every)
	}
}

func TestLoadConfigErrorNamesTheSettingsInOneLine(t *testing.T) {
	for name, tc := range map[string]struct {
		environ []string
		want    string
	}{
		"a short secret": {environ("JWT_SECRET_KEY=hunter2"),
			"JWT_SECRET_KEY must be at least 32 bytes long (openssl rand -base64 48 makes a good one)"},
		"an empty secret": {environ("JWT_SECRET_KEY="),
			"JWT_SECRET_KEY is not set: set it in the environment (README, Settings)"},
		"an empty app token": {environ("APP_API_TOKEN="),
			"APP_API_TOKEN is not set: set it in the environment (README, Settings)"},
		"no token of the sidecar": {environ("DAPR_API_TOKEN="),
			"DAPR_API_TOKEN is not set: set it in the environment (README, Settings)"},
		"an invalid port":         {environ("APP_PORT=hunter2"), "APP_PORT must be a port, 1 to 65535"},
		"an invalid sidecar port": {environ("DAPR_HTTP_PORT=hunter2"), "DAPR_HTTP_PORT must be a port, 1 to 65535"},
		"an invalid duration":     {environ("RECOVERY_EVERY=hunter2"), "RECOVERY_EVERY must be a duration such as 30s or 5m"},
		"an invalid switch":       {environ("SEED_MENU=hunter2"), "SEED_MENU must be true or false"},
		"two wrong settings": {[]string{"APP_API_TOKEN=app", "DAPR_API_TOKEN=dapr", "JWT_SECRET_KEY=hunter2"},
			"APP_PORT is not set: set it in the environment (README, Settings); " +
				"JWT_SECRET_KEY must be at least 32 bytes long (openssl rand -base64 48 makes a good one)"},
	} {
		_, err := server.LoadConfig[config](tc.environ)
		if err == nil {
			t.Errorf("%s: got no error, want %s", name, tc.want)
			continue
		}
		if err.Error() != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", name, err, tc.want)
		}
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got error %s, want one line without the value", name, err)
		}
	}
}

func TestPrintedConfigHidesTheSecret(t *testing.T) {
	got, err := server.LoadConfig[config](environ())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{
		fmt.Sprintf("%v %+v %#v", got, got, got),
		fmt.Sprintf("%s %x %d %q", got.Keys.Current, got.Keys.Current, got.Keys.Current, got.Keys.Current), string(text),
	} {
		if strings.Contains(printed, secret) || strings.Contains(printed, fmt.Sprintf("%x", secret)) ||
			strings.Contains(printed, "48 49 50") {
			t.Errorf("got %s, want the secret hidden", printed)
		}
	}
}

func TestLoggerRefusesAnUnknownLevel(t *testing.T) {
	if _, err := server.NewLogger("order", "loud"); err == nil {
		t.Error("got no error for the level \"loud\"")
	}
}

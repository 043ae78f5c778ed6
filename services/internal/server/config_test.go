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
	Secret token.Secret  `env:"JWT_SECRET_KEY,required"`
	Every  time.Duration `env:"RECOVERY_EVERY" envDefault:"30s"`
	Seed   bool          `env:"SEED_MENU"`
}

const secret = "0123456789abcdef0123456789abcdef"

func environ(changes ...string) []string {
	return append([]string{"APP_PORT=5010", "APP_API_TOKEN=app", "JWT_SECRET_KEY=" + secret, "DAPR_HTTP_PORT=3510"}, changes...)
}

func TestLoadFillsEverything(t *testing.T) {
	got, err := server.LoadConfig[config](environ("RECOVERY_EVERY=5s", "SEED_MENU=true", "DAPR_API_TOKEN=dapr"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got.Secret) != secret || got.Port != 5010 || got.BindHost != "127.0.0.1" || got.LogLevel != "info" {
		t.Errorf("settings: %d %s %s", got.Port, got.BindHost, got.LogLevel)
	}
	if got.Sidecar.URL() != "http://127.0.0.1:3510" || got.Sidecar.GRPCPort != 50001 || got.Sidecar.APIToken != "dapr" {
		t.Errorf("sidecar: %+v", got.Sidecar)
	}
	if got.Every != 5*time.Second || !got.Seed {
		t.Errorf("own: %v %v", got.Every, got.Seed)
	}
}

func TestLoadSaysInOneLineWhatToSet(t *testing.T) {
	for name, tc := range map[string]struct {
		environ []string
		want    string
	}{
		"a secret that is too short": {environ("JWT_SECRET_KEY=hunter2"),
			"JWT_SECRET_KEY has to be at least 32 bytes long (openssl rand -base64 48 makes a good one)"},
		"a secret that is empty": {environ("JWT_SECRET_KEY="),
			"JWT_SECRET_KEY is not set: set it in the environment (README, Settings)"},
		"an app token that is empty": {environ("APP_API_TOKEN="),
			"APP_API_TOKEN is not set: set it in the environment (README, Settings)"},
		"a port that is none":      {environ("APP_PORT=hunter2"), "APP_PORT has to be a whole number"},
		"a port of the sidecar":    {environ("DAPR_HTTP_PORT=hunter2"), "DAPR_HTTP_PORT has to be a whole number"},
		"a duration without unit":  {environ("RECOVERY_EVERY=hunter2"), "RECOVERY_EVERY has to be a duration such as 30s or 5m"},
		"a switch that is neither": {environ("SEED_MENU=hunter2"), "SEED_MENU has to be true or false"},
		"two at once": {[]string{"APP_API_TOKEN=app", "JWT_SECRET_KEY=hunter2"},
			"APP_PORT is not set: set it in the environment (README, Settings); JWT_SECRET_KEY has to be at least 32 bytes long (openssl rand -base64 48 makes a good one)"},
	} {
		_, err := server.LoadConfig[config](tc.environ)
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		if err.Error() != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", name, err, tc.want)
		}
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: shows the value, or is more than a line: %s", name, err)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	got, err := server.LoadConfig[config](environ())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, shown := range []string{fmt.Sprintf("%v %+v %#v", got, got, got), fmt.Sprintf("%s %x %d %q", got.Secret, got.Secret, got.Secret, got.Secret), string(text)} {
		if strings.Contains(shown, secret) || strings.Contains(shown, fmt.Sprintf("%x", secret)) || strings.Contains(shown, "48 49 50") {
			t.Errorf("shows the secret: %s", shown)
		}
	}
}

func TestLoggerRefusesAnUnknownLevel(t *testing.T) {
	if _, err := server.NewLogger("order", "loud"); err == nil {
		t.Error("taken")
	}
}

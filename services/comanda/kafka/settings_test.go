package kafka

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestReadSettingsNamesTheSettingToCorrect(t *testing.T) {
	t.Parallel()
	password := []string{"KAFKA_AUTH_TYPE=password", "KAFKA_SASL_USERNAME=order", "KAFKA_SASL_PASSWORD=hunter2"}
	for name, tc := range map[string]struct {
		environ []string
		want    string
	}{
		"nothing":              {nil, ""},
		"no user":              {[]string{"KAFKA_AUTH_TYPE=none"}, ""},
		"an unknown type":      {[]string{"KAFKA_AUTH_TYPE=hunter2"}, "KAFKA_AUTH_TYPE must be none, certificate, password or mtls"},
		"no password":          {[]string{"KAFKA_AUTH_TYPE=password", "KAFKA_SASL_USERNAME=order"}, "KAFKA_SASL_MECHANISM is not set: KAFKA_AUTH_TYPE=password needs it"},
		"no mechanism":         {password, "KAFKA_SASL_MECHANISM is not set: KAFKA_AUTH_TYPE=password needs it"},
		"a misspelt mechanism": {append(password[:3:3], "KAFKA_SASL_MECHANISM=SCRAM-SHA-512"), "KAFKA_SASL_MECHANISM must be SHA-512, SHA-256 or PLAINTEXT"},
		"a user":               {append(password[:3:3], "KAFKA_SASL_MECHANISM=SHA-512"), ""},
		"an unknown switch":    {append(password[:3:3], "KAFKA_SASL_MECHANISM=SHA-512", "KAFKA_DISABLE_TLS=1"), "KAFKA_DISABLE_TLS must be true or false"},
		"no certificate":       {[]string{"KAFKA_AUTH_TYPE=mtls"}, "KAFKA_CLIENT_CERT is not set: KAFKA_AUTH_TYPE=mtls needs it"},
		"no authority":         {[]string{"KAFKA_AUTH_TYPE=certificate"}, "KAFKA_CA_CERT is not set: KAFKA_AUTH_TYPE=certificate needs it"},
	} {
		_, err := ReadSettings(environOf(tc.environ), "")
		if err == nil != (tc.want == "") || err != nil && err.Error() != tc.want {
			t.Errorf("%s: got %v, want %s", name, err, tc.want)
		}
	}
	invalid := Settings{Brokers: "kafka:9092", AuthType: "certificate", CACert: "no certificate"}
	if _, err := Connect(invalid); err == nil || err.Error() != "KAFKA_CA_CERT must be a certificate in PEM" {
		t.Errorf("an invalid authority: got %v", err)
	}
}

func environOf(lines []string) map[string]string {
	environ := map[string]string{}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		environ[name] = value
	}
	return environ
}

// A service's own user comes first, and its password may be in a file.
func TestReadSettingsPrefersTheServicesOwnUser(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("own\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := environOf([]string{"KAFKA_BROKERS=kafka:9092", "KAFKA_AUTH_TYPE=password", "KAFKA_SASL_MECHANISM=SHA-512",
		"KAFKA_SASL_USERNAME=all", "KAFKA_SASL_PASSWORD=shared", "ORDER_KAFKA_SASL_USERNAME=order", "ORDER_KAFKA_SASL_PASSWORD_FILE=" + file})
	for service, want := range map[string]string{"order": "order own", "user": "all shared", "": "all shared"} {
		got, err := ReadSettings(environ, service)
		if err != nil || got.Username+" "+got.Password != want {
			t.Errorf("%q: got the user %s (error: %v), want %s", service, got.Username, err, want)
		}
		if got.Environ()["KAFKA_SASL_PASSWORD"] != got.Password || got.Environ()["KAFKA_BROKERS"] != "kafka:9092" {
			t.Errorf("%q: Environ does not return the settings: %v", service, got.Environ())
		}
	}
	for name := range environ {
		if got, want := IsCredential(name), strings.Contains(name, "USERNAME") || strings.Contains(name, "PASSWORD"); got != want {
			t.Errorf("IsCredential(%s): got %t, want %t", name, got, want)
		}
	}
	if (Settings{}).Environ()["KAFKA_AUTH_TYPE"] != "none" {
		t.Error("without a type, Environ must say none: a sidecar does not start without a type")
	}
}

// Each mechanism logs in, and a wrong password does not.
func TestEachMechanismLogsIn(t *testing.T) {
	t.Parallel()
	for dapr, broker := range map[string]string{"PLAINTEXT": "PLAIN", "SHA-256": "SCRAM-SHA-256", "SHA-512": "SCRAM-SHA-512"} {
		cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser(broker, "order", "right"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cluster.Close)
		for _, password := range []string{"right", "wrong"} {
			settings := Settings{Brokers: strings.Join(cluster.ListenAddrs(), ","), AuthType: "password", Username: "order",
				Password: password, Mechanism: dapr, DisableTLS: "true"}
			options, err := settings.ClientOptions()
			if err != nil {
				t.Fatal(err)
			}
			client, err := kgo.NewClient(append(options, kgo.RequestRetries(0))...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(client.Close)
			if err := client.Ping(t.Context()); err == nil != (password == "right") {
				t.Errorf("%s with the %s password: got %v", dapr, password, err)
			}
		}
	}
}

package main

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"comanda/services/event"
)

// The first run grants every right, and the second one changes nothing. infra tests that a real broker enforces them.
func TestKafkaRightsAreGrantedOnce(t *testing.T) {
	t.Parallel()
	brokers := startCluster(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "admin", "secret"))
	environ := []string{"KAFKA_BROKERS=" + brokers, "KAFKA_AUTH_TYPE=password", "KAFKA_SASL_MECHANISM=PLAINTEXT",
		"KAFKA_SASL_USERNAME=admin", "KAFKA_SASL_PASSWORD=secret", "KAFKA_DISABLE_TLS=true", "ORDER_KAFKA_SASL_USERNAME=orders"}
	all := 0
	for _, rights := range event.AllRights() {
		for _, right := range rights {
			all += len(right.Operations)
		}
	}
	for _, added := range []int{all, 0} {
		want := fmt.Sprintf("7 users have their rights: %d added, 0 removed\n", added)
		var output bytes.Buffer
		if code := run([]string{"kafka-rights"}, environ, &output, &output); code != 0 || output.String() != want {
			t.Errorf("got exit code %d and %q, want 0 and %q", code, output.String(), want)
		}
	}
	var output bytes.Buffer
	environ[4] = "KAFKA_SASL_PASSWORD=wrong"
	if code := run([]string{"kafka-rights"}, environ, &output, &output); code != 1 {
		t.Errorf("with a wrong password: got exit code %d, want 1: %s", code, output.String())
	}
}

package trust_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"comanda/infra"
	"comanda/services/event"
	"comanda/tests/scenario"
)

// A service's sidecar publishes only to the service's own topics, even if its configuration allows the API: the component's scopes alone
// ensure it.
func TestSidecarPublishesOnlyTheTopicsOfItsService(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	kind := scenario.Try(infra.KindFromEnvironment(os.Getenv)).OrFail(t)
	kafka := scenario.Try(infra.StartKafka(t.Context(), infra.Options{Dir: filepath.Join(dir, "servers"), Kind: kind})).OrFail(t)
	t.Cleanup(func() { _ = kafka.Stop(context.Background()) })
	var topics []infra.Topic
	for _, name := range event.Declared() {
		topics = append(topics, infra.Topic{Name: name, Partitions: 1})
	}
	if err := kafka.Declare(t.Context(), topics); err != nil {
		t.Fatal(err)
	}
	component := scenario.Try(os.ReadFile(projectFile(t, "components/pubsub.yaml"))).OrFail(t)
	if err := os.WriteFile(filepath.Join(dir, "pubsub.yaml"), component, 0o600); err != nil {
		t.Fatal(err)
	}
	// Without a configuration all APIs are allowed, and names are resolved by mDNS, which nothing here needs.
	s := startSidecar(t, dir, []string{"KAFKA_BROKERS=" + kafka.Brokers()}, "--app-id", "auth", "--resources-path", dir)
	for _, topic := range event.Declared() {
		own := event.PublisherOf(topic, "auth") == "auth" || topic == event.DeadLetters("auth") || strings.HasPrefix(topic, "defaultauth")
		want := http.StatusForbidden
		if own {
			want = http.StatusNoContent
		}
		header := http.Header{"Content-Type": {"application/json"}}
		status, body, err := send(t.Context(), http.MethodPost, s.url+"/v1.0/publish/pubsub/"+topic, header)
		if err != nil || status != want {
			t.Errorf("auth publishes to %s: got %d (error: %v), want %d: %s", topic, status, err, want, body)
		}
	}
}

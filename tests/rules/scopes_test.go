package rules

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"comanda/services/event"
)

// namespaces are the namespaces in which the system runs: outside of a cluster, and in deploy/kubernetes.
var namespaces = []string{"default", "comanda"}

// A service publishes only its own topics and dead letters, and consumes only the topics it subscribes to. Dapr allows a service that no
// scope lists every topic, so each component lists all its services.
func TestBrokerComponentsAllowOnlyTheTopicsOfEachService(t *testing.T) {
	subscribed := map[string][]string{}
	for _, subscription := range resources(t, "dapr/subscriptions") {
		service := subscription.Scopes[0]
		subscribed[service] = append(subscribed[service], subscription.Spec.Topic)
	}
	brokers := 0
	for _, component := range resources(t, "components") {
		if component.Spec.Type != "pubsub.kafka" {
			continue
		}
		brokers++
		publish, consume := map[string][]string{}, map[string][]string{}
		for _, service := range component.Scopes {
			publish[service] = []string{event.DeadLetters(service)}
			for _, topic := range event.Publishers[service] {
				publish[service] = append(publish[service], topic)
				for _, namespace := range namespaces { // the internal topics of unmodified daprd's outbox
					publish[service] = append(publish[service], namespace+service+topic+"outbox")
				}
			}
			consume[service] = subscribed[service]
		}
		wantScopes(t, component, "publishingScopes", publish)
		wantScopes(t, component, "subscriptionScopes", consume)
	}
	if brokers != 2 {
		t.Errorf("got %d components of Kafka, want 2: pubsub and tracking", brokers)
	}
}

// wantScopes checks a setting such as "auth=a,b;user=c".
func wantScopes(t *testing.T, component resource, setting string, want map[string][]string) {
	t.Helper()
	got := map[string][]string{}
	for _, scope := range strings.Split(strings.ReplaceAll(component.setting(setting), " ", ""), ";") {
		service, topics, _ := strings.Cut(scope, "=")
		got[service] = strings.Split(topics, ",")
		slices.Sort(got[service])
	}
	for _, topics := range want {
		slices.Sort(topics)
	}
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("component %s, %s: topics of services/event and dapr/subscriptions (-), and of the setting (+):\n%s",
			component.Metadata.Name, setting, difference)
	}
}

// A sidecar offers only the APIs that the services use, and none that publishes events: a service could use it to announce another
// service's events. tests/kubernetes checks that a cluster's sidecars have the same list.
func TestSidecarsOfferNoAPIThatPublishes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root(t), "dapr", "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Spec struct {
			API struct {
				Allowed []struct{ Name, Version, Protocol string }
				Denied  []any
			}
		}
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, api := range config.Spec.API.Allowed {
		got = append(got, api.Protocol+" "+api.Name+" "+api.Version)
	}
	want := []string{"http invoke v1", "http metadata v1", "http shutdown v1", "grpc invoke v1", "grpc state v1", "grpc metadata v1"}
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("APIs that are used (-), and that dapr/config.yaml allows (+):\n%s", difference)
	}
}

package rules

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"comanda/services"
	"comanda/services/event"
)

// resource holds the parts of a Dapr resource file that the rules check.
type resource struct {
	Kind     string
	Metadata struct{ Name string }
	Scopes   []string
	Spec     struct {
		Type            string
		Version         string
		Pubsubname      string
		Topic           string
		DeadLetterTopic string `yaml:"deadLetterTopic"`
		Metadata        settings
		Routes          struct {
			Default string
			Rules   []struct{ Match, Path string }
		}
	}
}

// settings are the settings of a component, which are a list, or of a subscription, which are a map.
type settings []struct {
	Name, Value string
	EnvRef      string `yaml:"envRef"`
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *settings) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		type list settings
		return node.Decode((*list)(s))
	}
	values := map[string]string{}
	if err := node.Decode(&values); err != nil {
		return err
	}
	for name, value := range values {
		*s = append(*s, settings{{Name: name, Value: value}}...)
	}
	return nil
}

func (r resource) setting(name string) string {
	for _, item := range r.Spec.Metadata {
		if item.Name == name {
			return item.Value
		}
	}
	return ""
}

// resources reads the Dapr resources in a folder.
func resources(t testing.TB, folder string) []resource {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no resources in %s: %v", folder, err)
	}
	var all []resource
	for _, file := range files {
		if filepath.Base(file) == "kustomization.yaml" { // the list of the other files, for Kubernetes
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for decoder := yaml.NewDecoder(bytes.NewReader(text)); ; {
			var r resource
			err := decoder.Decode(&r)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			all = append(all, r)
		}
	}
	return all
}

// plainStores maps each service to its state store for documents that publish no event.
var plainStores = map[string]string{"auth": "accounts", "user": "profiles", "order": "orders", "product": "reservations"}

// Every topic that a service publishes has a state store component that writes the documents and publishes to that topic.
func TestEveryTopicHasAComponent(t *testing.T) {
	components := map[string]resource{}
	for _, component := range resources(t, "components") {
		components[component.Metadata.Name] = component
	}
	for service, topics := range event.Publishers {
		for _, topic := range topics {
			name := event.OutboxComponent(plainStores[service], topic)
			component, exists := components[name]
			if !exists {
				t.Errorf("the component %s for %s is missing", name, topic)
				continue
			}
			if component.setting("outboxPublishTopic") != topic || component.setting("outboxPublishPubsub") != "pubsub" {
				t.Errorf("%s: publishes %s to %s, want %s to pubsub", name, component.setting("outboxPublishTopic"),
					component.setting("outboxPublishPubsub"), topic)
			}
			if !slices.Equal(component.Scopes, []string{service}) {
				t.Errorf("%s: scopes: got %v, want only %s", name, component.Scopes, service)
			}
		}
		if component, exists := components[plainStores[service]]; !exists || component.setting("outboxPublishTopic") != "" {
			t.Errorf("%s: the component %s must exist and publish no event", service, plainStores[service])
		}
	}
}

// Every state store has version 2: version 1 saves the SDK's values as base64, which SQL cannot query.
func TestEveryStateStoreHasVersion2(t *testing.T) {
	stores := 0
	for _, component := range resources(t, "components") {
		if !strings.HasPrefix(component.Spec.Type, "state.") {
			continue
		}
		stores++
		if component.Spec.Type != "state.postgresql" || component.Spec.Version != "v2" {
			t.Errorf("component %s: got %s %s, want state.postgresql v2", component.Metadata.Name, component.Spec.Type, component.Spec.Version)
		}
	}
	if stores < len(plainStores) {
		t.Errorf("got %d state stores, want at least %d", stores, len(plainStores))
	}
}

// Every component has scopes: every sidecar loads a component without scopes, so every service could read its documents. No
// setting depends on the namespace.
func TestEveryComponentIsScoped(t *testing.T) {
	for _, component := range resources(t, "components") {
		if len(component.Scopes) == 0 {
			t.Errorf("component %s has no scopes", component.Metadata.Name)
		}
		for _, setting := range component.Spec.Metadata {
			if strings.Contains(setting.Value, "{namespace}") {
				t.Errorf("component %s: %s depends on the namespace; use a fixed value", component.Metadata.Name, setting.Name)
			}
		}
	}
}

// storePath is where a service gets its dead letters (consumer.StorePath).
const storePath = "/events/dead-letters"

// wantStored checks the subscription of a service to its own dead-letter topic: it accepts any bytes, and has no dead-letter topic of its
// own. They do not come in groups, in which the headers of records are missing: the service needs the key.
func wantStored(t *testing.T, service string, subscription resource) {
	t.Helper()
	spec := subscription.Spec
	if subscription.setting("rawPayload") != "true" || spec.DeadLetterTopic != "" || len(spec.Routes.Rules) != 0 || spec.Routes.Default != storePath {
		t.Errorf("subscription of %s to its dead letters: got %+v, want rawPayload, no dead-letter topic, and only the route %s", service, spec,
			storePath)
	}
	if subscription.setting("grouped") != "" {
		t.Errorf("subscription of %s to its dead letters: got grouped, want each by itself", service)
	}
}

// Every subscription has a declared dead-letter topic, also for events of an unknown type. Every stateful service stores its own.
func TestEverySubscriptionHasADeadLetterTopic(t *testing.T) {
	declared, consumed := event.Declared(), map[string]bool{}
	for _, subscription := range resources(t, "dapr/subscriptions") {
		name, spec := subscription.Metadata.Name, subscription.Spec
		if len(subscription.Scopes) != 1 {
			t.Fatalf("subscription %s: scopes: got %v, want one service", name, subscription.Scopes)
		}
		service := subscription.Scopes[0]
		consumed[spec.Topic] = true
		if spec.Topic == event.DeadLetters(service) {
			wantStored(t, service, subscription)
			continue
		}
		if spec.DeadLetterTopic != event.DeadLetters(service) || !slices.Contains(declared, spec.DeadLetterTopic) {
			t.Errorf("subscription %s: dead-letter topic: got %q, want %q, declared", name, spec.DeadLetterTopic,
				event.DeadLetters(service))
		}
		if !slices.Contains(declared, spec.Topic) {
			t.Errorf("subscription %s: topic %s is not declared", name, spec.Topic)
		}
		if spec.Routes.Default != "/events/unmatched" || len(spec.Routes.Rules) != 1 {
			t.Errorf("subscription %s: wrong routes %+v", name, spec.Routes)
			continue
		}
		if subscription.setting("grouped") != "true" {
			t.Errorf("subscription %s: its events come one by one, want them grouped (docs/decisions/0027)", name)
		}
		rule := spec.Routes.Rules[0]
		if rule.Path != "/events/"+spec.Topic || rule.Match != `event.type == "`+spec.Topic+`.v1"` {
			t.Errorf("subscription %s: wrong rule %+v", name, rule)
		}
	}
	for _, service := range services.Stateful {
		if !consumed[event.DeadLetters(service)] {
			t.Errorf("%s does not store its dead letters", service)
		}
	}
	for service, topics := range event.Publishers {
		for _, topic := range topics {
			if !consumed[topic] {
				t.Errorf("%s publishes %s, but no service consumes it", service, topic)
			}
		}
	}
}

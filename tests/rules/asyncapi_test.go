package rules

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/services/event"
	"comanda/tests/asyncapi"
)

func contract(t *testing.T) *asyncapi.Document {
	t.Helper()
	document, err := asyncapi.Load(filepath.Join(root(t), "docs"))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// The document has every topic of the code and no other, apart from the internal topics of the outbox.
func TestAsyncAPIHasEveryTopic(t *testing.T) {
	var want, got []string
	for _, topics := range event.Publishers {
		want = append(want, topics...)
	}
	for _, service := range event.Consumers {
		want = append(want, event.DeadLetters(service))
	}
	for name, channel := range contract(t).Channels {
		got = append(got, name)
		if channel.Address != name {
			t.Errorf("channel %s: address: got %s, want the same", name, channel.Address)
		}
		if channel.Bindings.Kafka.Partitions != event.Partitions {
			t.Errorf("channel %s: partitions: got %d, want %d", name, channel.Bindings.Kafka.Partitions, event.Partitions)
		}
		if len(channel.Messages) == 0 {
			t.Errorf("channel %s has no message", name)
		}
	}
	slices.Sort(want)
	want = slices.Compact(want) // several services may publish to one topic
	slices.Sort(got)
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("topics of services/event (-) and channels of docs/asyncapi.yaml (+):\n%s", difference)
	}
}

// The document has an operation for every topic that a service publishes or consumes, and no other.
func TestAsyncAPIHasEveryOperation(t *testing.T) {
	want, got := map[string]bool{}, map[string]bool{}
	for service, topics := range event.Publishers {
		for _, topic := range topics {
			want[service+" send "+topic] = true
		}
	}
	for _, service := range event.Consumers {
		want[service+" send "+event.DeadLetters(service)] = true
	}
	for _, subscription := range resources(t, "dapr/subscriptions") {
		want[strings.Join(subscription.Scopes, ",")+" receive "+subscription.Spec.Topic] = true
	}
	for name, operation := range contract(t).Operations {
		described := operation.Service() + " " + operation.Action + " " + operation.Channel.Target()
		got[described] = true
		if name != strings.ReplaceAll(described, " ", ".") {
			t.Errorf("operation %s is %q", name, described)
		}
	}
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("operations of the code (-) and of docs/asyncapi.yaml (+):\n%s", difference)
	}
}

// Every message is the event that its channel's topic carries, and has examples, which are valid. Every schema file belongs to a
// message.
func TestAsyncAPIExamplesAreValid(t *testing.T) {
	document := contract(t)
	used := map[string]bool{"cloudevent.json": true}
	for name, channel := range document.Channels {
		for _, reference := range channel.Messages {
			message := document.Components.Messages[reference.Target()]
			if strings.HasSuffix(name, ".dead-letters") != (reference.Target() == "DeadLetter") {
				t.Errorf("channel %s: wrong message %s", name, reference.Target())
			}
			if message.Payload.Ref != "" {
				used[message.Payload.Target()] = true
				if message.Payload.Ref != "schemas/"+message.Name+".json" || !strings.HasPrefix(message.Name, name+".v") {
					t.Errorf("channel %s: message %s: wrong name %s or payload %s", name, reference.Target(), message.Name, message.Payload.Ref)
				}
			}
			if len(message.Examples) == 0 {
				t.Errorf("message %s has no example", reference.Target())
			}
			for _, example := range message.Examples {
				value, err := json.Marshal(example.Payload)
				if err != nil {
					t.Fatal(err)
				}
				record := &kgo.Record{Topic: name, Value: value}
				for key, header := range example.Headers {
					record.Headers = append(record.Headers, kgo.RecordHeader{Key: key, Value: []byte(header.(string))})
				}
				if key, ok := example.Headers["partitionKey"]; ok {
					record.Key = []byte(key.(string))
				}
				if strings.HasSuffix(name, ".dead-letters") && name != event.DeadLetters("product") {
					continue // the example is a dead letter of product
				}
				if err := document.Check(record); err != nil {
					t.Errorf("message %s: example %q: %v", reference.Target(), example.Name, err)
				}
			}
		}
	}
	files, err := filepath.Glob(filepath.Join(root(t), "docs", "schemas", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	for _, file := range files {
		exists[filepath.Base(file)] = true
	}
	if difference := cmp.Diff(used, exists); difference != "" {
		t.Errorf("schemas of the messages (-) and files in docs/schemas (+):\n%s", difference)
	}
}

// A change that breaks an older consumer is a new version of the event, not a change of the schema. docs/released/README.md says
// how a release takes the documents over.
func TestContractBreaksNoOlderConsumer(t *testing.T) {
	breaks, err := asyncapi.BreaksOf(filepath.Join(root(t), "docs", "released"), filepath.Join(root(t), "docs"))
	if err != nil {
		t.Fatal(err)
	}
	for file, list := range breaks {
		t.Errorf("docs/%s breaks consumers of docs/released/%s:\n  %s", file, file, strings.Join(list, "\n  "))
	}
}

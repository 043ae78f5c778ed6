package outbox_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/google/go-cmp/cmp"
)

// transactions are what both engines are given. The built-in one panics on two projections in one transaction.
var transactions = map[string][]*dapr.StateOperation{
	"a document without a projection": {
		upsert("plain", `{"number":1}`, map[string]string{"contentType": "application/json"}),
	},
	"bytes without a content type": {
		upsert("text", `{"number":1}`, nil),
	},
	"a projection": {
		upsert("projected", `{"secret":"not announced"}`, map[string]string{"subject": "projected"}),
		upsert("projected", `{"number":1,"list":[true,null,"<&>",1.5]}`, map[string]string{"outbox.projection": "true", "contentType": "application/json"}),
	},
	"attributes": {
		upsert("attributes", `{"number":1}`, map[string]string{
			"contentType": "application/json", "type": "order.created.v1", "subject": "order-1", "source": "elsewhere",
			"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "time": "2026-01-02T03:04:05Z", "custom": "kept",
			"id": "ignored", "data": "ignored", "topic": "ignored", "pubsubname": "ignored",
		}),
	},
	"several upserts, of which one is projected, and a delete": {
		upsert("first", `{"number":1}`, map[string]string{"contentType": "application/json", "subject": "first"}),
		{Type: dapr.StateOperationTypeDelete, Item: &dapr.SetStateItem{Key: "gone"}},
		upsert("second", `{"number":2}`, map[string]string{"contentType": "application/json", "subject": "second"}),
		upsert("second", `{"number":22}`, map[string]string{"outbox.projection": "true", "contentType": "application/json"}),
	},
	"binary data": {
		upsert("binary", "\x00\x01\xff", map[string]string{"contentType": "application/octet-stream"}),
	},
	"text that claims to be JSON": {
		upsert("claims", `{"number":`, map[string]string{"contentType": "application/json"}),
	},
	"a delete alone": {
		{Type: dapr.StateOperationTypeDelete, Item: &dapr.SetStateItem{Key: "gone"}},
	},
}

// overHTTP are transactions as a body of the HTTP API, whose values are decoded JSON and not bytes.
var overHTTP = []string{
	`{"operations":[{"operation":"upsert","request":{"key":"http","value":{"number":1},"metadata":{"subject":"http","contentType":"application/json"}}}]}`,
	`{"operations":[{"operation":"upsert","request":{"key":"text","value":"a text","metadata":{"subject":"text"}}}]}`,
	`{"operations":[{"operation":"upsert","request":{"key":"projected","value":{"secret":true},"metadata":{"subject":"projected over HTTP"}}},
		{"operation":"upsert","request":{"key":"projected","value":{"number":3,"list":[null,"<&>",1.5]},"metadata":{"outbox.projection":"true","contentType":"application/json"}}}]}`,
}

func upsert(key, value string, metadata map[string]string) *dapr.StateOperation {
	return &dapr.StateOperation{Type: dapr.StateOperationTypeUpsert, Item: &dapr.SetStateItem{Key: key, Value: []byte(value), Metadata: metadata}}
}

// The same transactions give the same events on both runtimes.
func TestEventsAreThoseOfTheBuiltInEngine(t *testing.T) {
	t.Parallel()
	ours, stock := announcedBy(t, calm.ours), announcedBy(t, calm.stock)
	if len(stock) == 0 {
		t.Fatal("the built-in engine announced nothing")
	}
	if difference := cmp.Diff(stock, ours); difference != "" {
		t.Errorf("ours (+) differs from the built-in engine's (-):\n%s", difference)
	}
}

// announcedBy runs all transactions beside one runtime and returns the events they gave, comparable.
func announcedBy(t *testing.T, program string) []map[string]any {
	t.Helper()
	topic := newTopic(t, calm.kafka, 8)
	const app = "events"
	declare(t, calm.kafka, "default"+app+topic+"outbox", 8)
	s := startSidecar(t, wanted{
		Program: program, App: app, Database: newDatabase(t, calm.postgres), Brokers: calm.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := read(t, calm.kafka, topic)
	want := 0
	for _, name := range slices.Sorted(maps.Keys(transactions)) {
		if err := s.client.ExecuteStateTransaction(t.Context(), "orders", nil, transactions[name]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want += eventsOf(transactions[name])
	}
	for _, body := range overHTTP {
		s.transact(t, "orders", body)
		want++
	}
	eventually(t, 60*time.Second, func() (bool, string) { return events.count() >= want, "all events" })
	var all []map[string]any
	for _, record := range events.records() {
		all = append(all, normal(t, record.Raw, topic))
	}
	slices.SortFunc(all, func(a, b map[string]any) int { return strings.Compare(text(a), text(b)) })
	return all
}

func eventsOf(operations []*dapr.StateOperation) (n int) {
	for _, operation := range operations {
		if operation.Type == dapr.StateOperationTypeUpsert && operation.Item.Metadata["outbox.projection"] == "" {
			n++
		}
	}
	return n
}

// normal replaces what cannot be the same twice, having checked its form.
func normal(t *testing.T, raw []byte, topic string) map[string]any {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(raw, &event); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if id, _ := event["id"].(string); !strings.HasPrefix(id, "outbox-") || len(id) != len("outbox-")+36 {
		t.Errorf("the id is %q", event["id"])
	}
	event["id"] = "an id"
	if event["topic"] != topic {
		t.Errorf("the topic is %q", event["topic"])
	}
	event["topic"] = "the topic"
	if event["time"] != "2026-01-02T03:04:05Z" {
		if _, err := time.Parse(time.RFC3339, event["time"].(string)); err != nil {
			t.Error(err)
		}
		event["time"] = "now"
	}
	return event
}

func text(event map[string]any) string {
	bytes, _ := json.Marshal(event)
	return string(bytes)
}

// Ours keeps every number as it was written; the built-in engine reads them into float64. The record's key is the
// subject, so that an aggregate's events share a partition.
func TestNumbersSurvive(t *testing.T) {
	t.Parallel()
	topic := newTopic(t, calm.kafka, 8)
	s := startSidecar(t, wanted{
		Program: calm.ours, App: "numbers", Database: newDatabase(t, calm.postgres), Brokers: calm.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := read(t, calm.kafka, topic)
	err := s.client.ExecuteStateTransaction(t.Context(), "orders", nil, []*dapr.StateOperation{
		upsert("numbers", `{}`, map[string]string{"subject": "order-1"}),
		upsert("numbers", `{"large":9007199254740993,"exact":0.10}`, map[string]string{"outbox.projection": "true", "contentType": "application/json"}),
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() == 1, "the event" })
	record := events.records()[0]
	for _, want := range []string{`"large":9007199254740993`, `"exact":0.10`} {
		if !strings.Contains(string(record.Raw), want) {
			t.Errorf("%s does not contain %s", record.Raw, want)
		}
	}
	if record.Key != "order-1" {
		t.Errorf("the key is %q, not the subject", record.Key)
	}
}

// Two projections in one transaction, which the built-in engine panics on, belong to the two documents of their keys.
func TestTwoProjections(t *testing.T) {
	t.Parallel()
	topic := newTopic(t, calm.kafka, 1)
	s := startSidecar(t, wanted{
		Program: calm.ours, App: "projections", Database: newDatabase(t, calm.postgres), Brokers: calm.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic, Prefix: "mine_"}, {Name: "again", Topic: topic, Prefix: "mine_"}},
	})
	events := read(t, calm.kafka, topic)
	err := s.client.ExecuteStateTransaction(t.Context(), "again", nil, []*dapr.StateOperation{
		upsert("a", `{}`, map[string]string{"subject": "a"}), {Type: dapr.StateOperationTypeUpsert, Item: projection("b", []byte(`{"number":2}`))},
		upsert("b", `{}`, map[string]string{"subject": "b"}), {Type: dapr.StateOperationTypeUpsert, Item: projection("a", []byte(`{"number":1}`))},
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() == 2, "both events" })
	if difference := cmp.Diff(map[string][]int{"a": {1}, "b": {2}}, events.numbers()); difference != "" {
		t.Error(difference)
	}
}

// What the engine keeps is no document: the app can neither read nor change a row, though it knows its key.
func TestRowsAreNoDocuments(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, calm.postgres)
	s := startSidecar(t, wanted{
		Program: calm.ours, App: "hidden", Database: database, Brokers: calm.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: "not.there"}}, // so that the row stays
	})
	mustAnnounce(t, s, "orders", "order", 1)
	var key string
	if err := connect(t, database).QueryRow(t.Context(), `select key from state where key like 'outbox-%'`).Scan(&key); err != nil {
		t.Fatal(err)
	}
	if item, err := s.client.GetState(t.Context(), "orders", key, nil); err == nil {
		t.Errorf("the app reads %q from %s", item.Value, key)
	}
	if err := s.client.SaveState(t.Context(), "orders", key, []byte("mine"), nil); err == nil {
		t.Errorf("the app writes to %s", key)
	}
	if err := s.client.DeleteState(t.Context(), "orders", key, nil); err == nil {
		t.Errorf("the app deletes %s", key)
	}
}

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

// transactions run on both engines. None of them has two projections, because the built-in engine panics on that.
var transactions = map[string][]*dapr.StateOperation{
	"a document without a projection": {
		upsert("plain", `{"number":1}`, map[string]string{"contentType": "application/json"}),
	},
	"bytes without a content type": {
		upsert("text", `{"number":1}`, nil),
	},
	"a projection": {
		upsert("projected", `{"secret":"not published"}`, map[string]string{"subject": "projected"}),
		upsert("projected", `{"number":1,"list":[true,null,"<&>",1.5]}`, projectionMetadata()),
	},
	"attributes": {
		upsert("attributes", `{"number":1}`, map[string]string{
			"contentType": "application/json", "type": "order.created.v1", "subject": "order-1", "source": "elsewhere",
			"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
			"time":        "2026-01-02T03:04:05Z", "custom": "kept",
			"id": "ignored", "data": "ignored", "topic": "ignored", "pubsubname": "ignored",
		}),
	},
	"several upserts, one with a projection, and a delete": {
		upsert("first", `{"number":1}`, map[string]string{"contentType": "application/json", "subject": "first"}),
		{Type: dapr.StateOperationTypeDelete, Item: &dapr.SetStateItem{Key: "gone"}},
		upsert("second", `{"number":2}`, map[string]string{"contentType": "application/json", "subject": "second"}),
		upsert("second", `{"number":22}`, projectionMetadata()),
	},
	"binary data": {
		upsert("binary", "\x00\x01\xff", map[string]string{"contentType": "application/octet-stream"}),
	},
	"text with the content type JSON": {
		upsert("claims", `{"number":`, map[string]string{"contentType": "application/json"}),
	},
	"several documents": {
		upsert("z", `{"number":1}`, map[string]string{"contentType": "application/json", "subject": "several"}),
		upsert("a", `{"number":2}`, map[string]string{"contentType": "application/json", "subject": "several"}),
		upsert("m", `{"number":3}`, map[string]string{"contentType": "application/json", "subject": "several"}),
	},
	"a document twice": {
		upsert("twice", `{"number":1}`, map[string]string{"contentType": "application/json", "subject": "twice"}),
		upsert("twice", `{"number":2}`, map[string]string{"contentType": "application/json", "subject": "twice"}),
	},
	"documents that expire": {
		upsert("expiring", `{"number":1}`, map[string]string{"contentType": "application/json", "subject": "expiring", "ttlInSeconds": "3600"}),
		upsert("beside", `{"number":1}`, map[string]string{"contentType": "application/json", "subject": "beside"}),
	},
	"a delete alone": {
		{Type: dapr.StateOperationTypeDelete, Item: &dapr.SetStateItem{Key: "gone"}},
	},
}

// httpTransactions are request bodies for the HTTP API. There the values arrive as decoded JSON and not as bytes.
var httpTransactions = []string{
	`{"operations":[{"operation":"upsert","request":{"key":"http","value":{"number":1},
		"metadata":{"subject":"http","contentType":"application/json"}}}]}`,
	`{"operations":[{"operation":"upsert","request":{"key":"text","value":"a text","metadata":{"subject":"text"}}}]}`,
	`{"operations":[{"operation":"upsert","request":{"key":"projected","value":{"secret":true},
			"metadata":{"subject":"projected over HTTP"}}},
		{"operation":"upsert","request":{"key":"projected","value":{"number":3,"list":[null,"<&>",1.5]},
			"metadata":{"outbox.projection":"true","contentType":"application/json"}}}]}`,
}

func upsert(key, value string, metadata map[string]string) *dapr.StateOperation {
	item := &dapr.SetStateItem{Key: key, Value: []byte(value), Metadata: metadata}
	return &dapr.StateOperation{Type: dapr.StateOperationTypeUpsert, Item: item}
}

// The same transactions produce the same events on both runtimes.
func TestEventsEqualThoseOfTheBuiltInEngine(t *testing.T) {
	t.Parallel()
	ours, stock := publishedEvents(t, shared.ours), publishedEvents(t, shared.stock)
	if len(stock) == 0 {
		t.Fatal("events of the built-in engine: got none, want some")
	}
	if difference := cmp.Diff(stock, ours); difference != "" {
		t.Errorf("events (-built-in engine +our engine):\n%s", difference)
	}
}

// publishedEvents runs all transactions on one runtime and returns their events, normalised and sorted.
func publishedEvents(t *testing.T, program string) []map[string]any {
	t.Helper()
	topic := newTopic(t, shared.kafka, 8)
	const app = "events"
	declare(t, shared.kafka, "default"+app+topic+"outbox", 8)
	s := startSidecar(t, sidecarConfig{
		Program: program, App: app, Database: newDatabase(t, shared.postgres), Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := readTopic(t, shared.kafka, topic)
	want := 0
	for _, name := range slices.Sorted(maps.Keys(transactions)) {
		if err := s.client.ExecuteStateTransaction(t.Context(), "orders", nil, transactions[name]); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want += countEvents(transactions[name])
	}
	for _, body := range httpTransactions {
		s.runHTTPTransaction(t, "orders", body)
		want++
	}
	eventually(t, 60*time.Second, func() (bool, string) { return events.count() >= want, "all events" })
	var normalised []map[string]any
	for _, record := range events.records() {
		normalised = append(normalised, normalise(t, record.Raw, topic))
	}
	slices.SortFunc(normalised, func(a, b map[string]any) int { return strings.Compare(toJSON(a), toJSON(b)) })
	return normalised
}

// countEvents returns the number of events that a transaction produces.
func countEvents(operations []*dapr.StateOperation) (n int) {
	for _, operation := range operations {
		if operation.Type == dapr.StateOperationTypeUpsert && operation.Item.Metadata["outbox.projection"] == "" {
			n++
		}
	}
	return n
}

// normalise checks the attributes that differ from run to run and replaces them with constants.
func normalise(t *testing.T, raw []byte, topic string) map[string]any {
	t.Helper()
	var event map[string]any
	if err := json.Unmarshal(raw, &event); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if id, _ := event["id"].(string); !strings.HasPrefix(id, "outbox-") || len(id) != len("outbox-")+36 {
		t.Errorf("id: got %q, want outbox- and a UUID", event["id"])
	}
	event["id"] = "an id"
	if event["topic"] != topic {
		t.Errorf("topic: got %q, want %q", event["topic"], topic)
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

func toJSON(event map[string]any) string {
	bytes, _ := json.Marshal(event)
	return string(bytes)
}

// Our engine keeps every number unchanged; the built-in engine decodes numbers into float64. The record's key is the subject, so that an
// aggregate's events share a partition.
func TestNumbersStayAsWritten(t *testing.T) {
	t.Parallel()
	topic := newTopic(t, shared.kafka, 8)
	s := startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "numbers", Database: newDatabase(t, shared.postgres), Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := readTopic(t, shared.kafka, topic)
	err := s.client.ExecuteStateTransaction(t.Context(), "orders", nil, []*dapr.StateOperation{
		upsert("numbers", `{}`, map[string]string{"subject": "order-1"}),
		upsert("numbers", `{"large":9007199254740993,"exact":0.10}`, projectionMetadata()),
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() == 1, "the event" })
	record := events.records()[0]
	for _, want := range []string{`"large":9007199254740993`, `"exact":0.10`} {
		if !strings.Contains(string(record.Raw), want) {
			t.Errorf("event: got %s, want it to contain %s", record.Raw, want)
		}
	}
	if record.Key != "order-1" {
		t.Errorf("key: got %q, want the subject %q", record.Key, "order-1")
	}
}

// With two projections in one transaction, each belongs to the document of its key. The built-in engine panics on this.
func TestEachProjectionBelongsToItsDocument(t *testing.T) {
	t.Parallel()
	topic := newTopic(t, shared.kafka, 1)
	s := startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "projections", Database: newDatabase(t, shared.postgres), Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic, Prefix: "mine_"}, {Name: "again", Topic: topic, Prefix: "mine_"}},
	})
	events := readTopic(t, shared.kafka, topic)
	err := s.client.ExecuteStateTransaction(t.Context(), "again", nil, []*dapr.StateOperation{
		upsert("a", `{}`, map[string]string{"subject": "a"}), upsert("b", `{"number":2}`, projectionMetadata()),
		upsert("b", `{}`, map[string]string{"subject": "b"}), upsert("a", `{"number":1}`, projectionMetadata()),
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() == 2, "both events" })
	if difference := cmp.Diff(map[string][]int{"a": {1}, "b": {2}}, events.numbers()); difference != "" {
		t.Errorf("numbers by subject (-want +got):\n%s", difference)
	}
}

// The app cannot read, write or delete an outbox row, even when it knows the row's key.
func TestAppCannotAccessOutboxRows(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, shared.postgres)
	s := startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "hidden", Database: database, Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: "not.there"}}, // the row stays because the topic is missing
	})
	mustCommitEvent(t, s, "orders", "order", 1)
	var key string
	row := connect(t, database).QueryRow(t.Context(), `select key from state where key like 'outbox-%'`)
	if err := row.Scan(&key); err != nil {
		t.Fatal(err)
	}
	if item, err := s.client.GetState(t.Context(), "orders", key, nil); err == nil {
		t.Errorf("read of row %s: got %q, want an error", key, item.Value)
	}
	if err := s.client.SaveState(t.Context(), "orders", key, []byte("mine"), nil); err == nil {
		t.Errorf("write of row %s: got success, want an error", key)
	}
	if err := s.client.DeleteState(t.Context(), "orders", key, nil); err == nil {
		t.Errorf("delete of row %s: got success, want an error", key)
	}
}

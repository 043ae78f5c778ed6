package rows

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dapr/components-contrib/state"
)

var errTooLarge = errors.New("too large")

func set(key, value string, metadata map[string]string) state.SetRequest {
	return state.SetRequest{Key: key, Value: []byte(value), Metadata: metadata}
}

// announced runs a transaction and returns the keys of its documents, and the records of its rows.
func announced(t *testing.T, operations ...state.TransactionalStateOperation) (documents []string, records []record) {
	t.Helper()
	all, err := announce(orders, operations, origin{source: "app", traceID: "trace"})
	if err != nil {
		t.Fatal(err)
	}
	for _, operation := range all {
		if !strings.HasPrefix(operation.GetKey(), duePrefix) {
			documents = append(documents, operation.GetKey())
			continue
		}
		r := decodeRow(1, operation.GetKey(), operation.(state.SetRequest).Value.([]byte))
		if r.problem != nil || r.to != orders {
			t.Fatalf("%s: %v, to %v", r.key, r.problem, r.to)
		}
		records = append(records, r.record)
	}
	return documents, records
}

func TestProjectionsAreNoDocuments(t *testing.T) {
	projected := map[string]string{projectionKey: "true", "contentType": "application/json"}
	documents, records := announced(t,
		set("a", `{"secret":1}`, map[string]string{"subject": "a"}), set("b", `{}`, projected),
		set("b", `{"secret":2}`, map[string]string{"subject": "b"}), set("a", `{}`, projected),
		state.DeleteRequest{Key: "gone"}, set("no document", `{}`, projected),
	)
	if want := []string{"a", "b", "gone"}; !slices.Equal(documents, want) {
		t.Errorf("documents %v, want %v", documents, want)
	}
	if len(records) != 2 || records[0].Subject != "a" || records[1].Subject != "b" {
		t.Errorf("records %+v", records)
	}
	for _, r := range records {
		if strings.Contains(string(r.Event), "secret") {
			t.Errorf("%s announces the document", r.Event)
		}
	}
}

func TestMetadataBecomesAttributes(t *testing.T) {
	_, records := announced(t, set("a", `{"large":9007199254740993}`, map[string]string{
		"contentType": "application/json", "type": "order.v1", "subject": "a", "id": "mine", "data": "mine", "topic": "mine", "pubsubname": "mine",
	}))
	var event map[string]any
	if err := json.Unmarshal(records[0].Event, &event); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"type": "order.v1", "subject": "a", "source": "app", "traceid": "trace", "topic": "orders", "pubsubname": "pubsub", "datacontenttype": "application/json",
	} {
		if event[name] != want {
			t.Errorf("%s is %v, want %s", name, event[name], want)
		}
	}
	if !strings.HasPrefix(event["id"].(string), "outbox-") || !strings.Contains(string(records[0].Event), "9007199254740993") {
		t.Errorf("%s", records[0].Event)
	}
}

func TestSetAsideKeepsTheEventAndTheReason(t *testing.T) {
	operation, err := newRow(orders, map[string]any{"subject": "a", "data": 1})
	if err != nil {
		t.Fatal(err)
	}
	found := decodeRow(7, operation.Key, operation.Value.([]byte))
	key, value := found.setAside(errTooLarge, began)
	if !strings.HasPrefix(key, deadPrefix+"pubsub||orders||") {
		t.Errorf("set aside as %s", key)
	}
	released := decodeRow(7, strings.Replace(key, deadPrefix, duePrefix, 1), value)
	if released.problem != nil || string(released.record.Event) != string(found.record.Event) || released.to != orders {
		t.Errorf("released as %+v", released)
	}
	if note := released.record.Refused; note == nil || note.Reason != errTooLarge.Error() || !note.At.Equal(began) {
		t.Errorf("the reason is %+v", note)
	}
}

func TestWhatCannotBeDecodedIsKeptAsItIs(t *testing.T) {
	for key, value := range map[string]string{duePrefix + "pubsub||orders||x": "no JSON", duePrefix + "pubsub||orders||y": "{}", duePrefix + "x": `{"event":{}}`} {
		r := decodeRow(1, key, []byte(value))
		if r.problem == nil {
			t.Errorf("%s = %s has no problem", key, value)
			continue
		}
		if _, kept := r.setAside(r.problem, began); string(kept) != value {
			t.Errorf("%s became %s", value, kept)
		}
	}
}

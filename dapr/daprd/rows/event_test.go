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

func upsert(key, value string, metadata map[string]string) state.SetRequest {
	return state.SetRequest{Key: key, Value: []byte(value), Metadata: metadata}
}

// runTransaction adds the event rows to a transaction. It returns the keys of the documents and the records of the rows.
func runTransaction(t *testing.T, operations ...state.TransactionalStateOperation) (documents []string, records []record) {
	t.Helper()
	withEvents, err := addEventRows(orders, operations, origin{source: "app", traceID: "trace"})
	if err != nil {
		t.Fatal(err)
	}
	for _, operation := range withEvents {
		if !strings.HasPrefix(operation.GetKey(), duePrefix) {
			documents = append(documents, operation.GetKey())
			continue
		}
		r := decodeRow(1, operation.GetKey(), operation.(state.SetRequest).Value.([]byte))
		if r.problem != nil || r.to != orders {
			t.Fatalf("row %s: got problem %v and destination %v, want none and %v", r.key, r.problem, r.to, orders)
		}
		records = append(records, r.record)
	}
	return documents, records
}

func TestProjectionsAreNotStored(t *testing.T) {
	projected := map[string]string{projectionKey: "true", "contentType": "application/json"}
	documents, records := runTransaction(t,
		upsert("a", `{"secret":1}`, map[string]string{"subject": "a"}), upsert("b", `{}`, projected),
		upsert("b", `{"secret":2}`, map[string]string{"subject": "b"}), upsert("a", `{}`, projected),
		state.DeleteRequest{Key: "gone"}, upsert("no document", `{}`, projected),
	)
	if want := []string{"a", "b", "gone"}; !slices.Equal(documents, want) {
		t.Errorf("documents: got %v, want %v", documents, want)
	}
	if len(records) != 2 || records[0].Subject != "a" || records[1].Subject != "b" {
		t.Errorf("records: got %+v, want one with subject a and one with subject b", records)
	}
	for _, r := range records {
		if strings.Contains(string(r.Event), "secret") {
			t.Errorf("the event contains the document instead of its projection: %s", r.Event)
		}
	}
}

func TestMetadataBecomesEventAttributes(t *testing.T) {
	_, records := runTransaction(t, upsert("a", `{"large":9007199254740993}`, map[string]string{
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
			t.Errorf("attribute %s: got %v, want %s", name, event[name], want)
		}
	}
	if !strings.HasPrefix(event["id"].(string), "outbox-") || !strings.Contains(string(records[0].Event), "9007199254740993") {
		t.Errorf("got %s, want an id that begins with outbox- and the number 9007199254740993", records[0].Event)
	}
}

func TestSetAsideKeepsTheEventAndTheReason(t *testing.T) {
	operation, err := newRow(orders, map[string]any{"subject": "a", "data": 1})
	if err != nil {
		t.Fatal(err)
	}
	decoded := decodeRow(7, operation.Key, operation.Value.([]byte))
	key, value := decoded.setAsideAs(errTooLarge, began)
	if !strings.HasPrefix(key, deadPrefix+"pubsub||orders||") {
		t.Errorf("key: got %s, want the prefix %spubsub||orders||", key, deadPrefix)
	}
	released := decodeRow(7, strings.Replace(key, deadPrefix, duePrefix, 1), value)
	if released.problem != nil || string(released.record.Event) != string(decoded.record.Event) || released.to != orders {
		t.Errorf("released row: got %+v, want the event %s for %v", released, decoded.record.Event, orders)
	}
	if note := released.record.Refused; note == nil || note.Reason != errTooLarge.Error() || !note.At.Equal(began) {
		t.Errorf("reason: got %+v, want %v at %s", note, errTooLarge, began)
	}
}

func TestSetAsideKeepsAnUndecodableValueUnchanged(t *testing.T) {
	for key, value := range map[string]string{duePrefix + "pubsub||orders||x": "no JSON", duePrefix + "pubsub||orders||y": "{}", duePrefix + "x": `{"event":{}}`} {
		r := decodeRow(1, key, []byte(value))
		if r.problem == nil {
			t.Errorf("row %s = %s: got no problem, want one", key, value)
			continue
		}
		if _, kept := r.setAsideAs(r.problem, began); string(kept) != value {
			t.Errorf("value: got %s, want %s", kept, value)
		}
	}
}

// The event of one of several documents belongs to the trace of its document, not to that of the request which writes all of them.
func TestAnEventIsInTheTraceOfItsDocument(t *testing.T) {
	const request, sibling = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
	const other = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, tc := range []struct{ document, request, want string }{
		{sibling, request, request}, {other, request, other}, {"", request, request}, {other, "", ""},
	} {
		metadata := map[string]string{}
		if tc.document != "" {
			metadata["traceparent"] = tc.document
		}
		event, err := cloudEvent(orders, upsert("a", "{}", metadata), upsert("a", "{}", nil), origin{traceID: tc.request})
		if err != nil || event["traceid"] != tc.want {
			t.Errorf("a document of the trace %q: got traceid %v, %v, want %s", tc.document, event["traceid"], err, tc.want)
		}
	}
}

package statestore

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Client is the part of the Dapr SDK's client that documents need.
type Client interface {
	GetState(ctx context.Context, store, key string, meta map[string]string) (*dapr.StateItem, error)
	GetBulkState(ctx context.Context, store string, keys []string, meta map[string]string, parallelism int32) ([]*dapr.BulkStateItem, error)
	ExecuteStateTransaction(ctx context.Context, store string, meta map[string]string, ops []*dapr.StateOperation) error
}

// Event holds the attributes of a published event that the contract covers.
type Event struct {
	Type, Subject, Traceparent string
	Data                       string // JSON without insignificant space
}

// Subject is a state store under test.
type Subject struct {
	Client
	// Plain is the name of a state component without an outbox. A transaction without a projection must use it, because a
	// component with an outbox would publish the whole document.
	Plain string
	// Outbox is the name of a state component with an outbox, on the same table.
	Outbox string
	// Events returns all events published so far. A published event may take a moment to appear.
	Events func() []Event
	// AwaitEvents waits until at least n events are published and returns them.
	AwaitEvents func(t testing.TB, n int) []Event
}

// trace is a valid traceparent (https://www.w3.org/TR/trace-context/#examples-of-http-traceparent-headers).
const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

// Run checks one state store. Its tests run one after another, because they count the events.
func Run(t *testing.T, s Subject) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Subject)
	}{
		{"a missing document is empty", missingDocumentIsEmpty},
		{"a created document can be read", createdDocumentIsRead},
		{"a document is not created twice", secondCreateFails},
		{"a write with the current ETag succeeds", currentETagWins},
		{"a write with an old ETag fails", oldETagFails},
		{"a write with an ETag fails on a missing document", etagOfMissingDocumentFails},
		{"a transaction writes all documents or none", transactionIsAtomic},
		{"a projection becomes the event's data", projectionIsPublished},
		{"a failed transaction publishes nothing", failedTransactionPublishesNothing},
		{"the document's metadata become the event's attributes", attributesComeFromTheDocument},
		{"several documents and their events are written together", documentsAreWrittenTogether},
		{"one lost race of several documents fails all", oneLostRaceFailsAll},
		{"a document twice in a transaction fails", documentTwiceFails},
		{"documents are read together", documentsAreReadTogether},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, s) })
	}
}

func missingDocumentIsEmpty(t *testing.T, s Subject) {
	item := s.get(t, newKey())
	if len(item.Value) != 0 || item.Etag != "" {
		t.Errorf("got value %q with ETag %q, want neither", item.Value, item.Etag)
	}
}

func createdDocumentIsRead(t *testing.T, s Subject) {
	key := newKey()
	s.mustWrite(t, write(key, `{"n":1}`, ""))
	s.wantValue(t, key, `{"n":1}`)
	if etag := s.get(t, key).Etag; etag == "" {
		t.Error("a stored document has no ETag")
	}
}

func secondCreateFails(t *testing.T, s Subject) {
	key := newKey()
	s.mustWrite(t, write(key, `{"n":1}`, ""))
	before := s.get(t, key).Etag
	s.wantInternal(t, write(key, `{"n":2}`, ""))
	s.wantValue(t, key, `{"n":1}`)
	if after := s.get(t, key).Etag; after != before {
		t.Errorf("ETag after a failed write: got %s, want %s", after, before)
	}
}

func currentETagWins(t *testing.T, s Subject) {
	key := newKey()
	s.mustWrite(t, write(key, `{"n":1}`, ""))
	before := s.get(t, key).Etag
	s.mustWrite(t, write(key, `{"n":2}`, before))
	s.wantValue(t, key, `{"n":2}`)
	if after := s.get(t, key).Etag; after == before {
		t.Errorf("ETag after a write: got the old one, %s, want a new one", after)
	}
}

func oldETagFails(t *testing.T, s Subject) {
	key := newKey()
	s.mustWrite(t, write(key, `{"n":1}`, ""))
	old := s.get(t, key).Etag
	s.mustWrite(t, write(key, `{"n":2}`, old))
	s.wantInternal(t, write(key, `{"n":3}`, old))
	s.wantValue(t, key, `{"n":2}`)
}

func etagOfMissingDocumentFails(t *testing.T, s Subject) {
	key := newKey()
	s.wantInternal(t, write(key, `{"n":1}`, uuid.NewString()))
	if item := s.get(t, key); len(item.Value) != 0 {
		t.Errorf("got value %q, want none", item.Value)
	}
}

func transactionIsAtomic(t *testing.T, s Subject) {
	first, second := newKey(), newKey()
	s.mustWrite(t, write(second, `{"n":1}`, ""))
	s.wantInternal(t, write(first, `{"n":1}`, ""), write(second, `{"n":2}`, ""))
	if item := s.get(t, first); len(item.Value) != 0 {
		t.Errorf("the first document of a failed transaction: got %q, want none", item.Value)
	}
}

func projectionIsPublished(t *testing.T, s Subject) {
	key, before := newKey(), len(s.Events())
	document := write(key, `{"n":1,"secret":true}`, "")
	document.Item.Metadata = map[string]string{"type": "contract.v1", "subject": key, "traceparent": trace}
	s.mustWrite(t, document, projection(key, `{"n":1}`))
	s.wantValue(t, key, `{"n":1,"secret":true}`)
	got := find(s.AwaitEvents(t, before+1), key)
	if want := []Event{{"contract.v1", key, trace, `{"n":1}`}}; !cmp.Equal(got, want) {
		t.Errorf("events (-want +got):\n%s", cmp.Diff(want, got))
	}
}

// A later event on the same topic proves that no event of the failed transaction is still on its way: events of one store are
// published in the order of their commits.
func failedTransactionPublishesNothing(t *testing.T, s Subject) {
	key, before := newKey(), len(s.Events())
	s.mustWrite(t, write(key, `{"n":1}`, ""))
	old := s.get(t, key).Etag
	s.mustWrite(t, write(key, `{"n":2}`, old))
	for _, etag := range []string{"", old, uuid.NewString(), "no-uuid"} {
		lost := write(key, `{"n":"lost"}`, etag)
		lost.Item.Metadata = map[string]string{"type": "contract.v1", "subject": key}
		s.wantInternal(t, lost, projection(key, `{"n":"lost"}`))
	}
	s.wantValue(t, key, `{"n":2}`)
	won := write(key, `{"n":3}`, s.get(t, key).Etag)
	won.Item.Metadata = map[string]string{"type": "contract.v1", "subject": key, "traceparent": trace}
	s.mustWrite(t, won, projection(key, `{"n":3}`))
	got := find(s.AwaitEvents(t, before+1), key)
	if want := []Event{{"contract.v1", key, trace, `{"n":3}`}}; !cmp.Equal(got, want) {
		t.Errorf("events (-want +got):\n%s", cmp.Diff(want, got))
	}
}

func attributesComeFromTheDocument(t *testing.T, s Subject) {
	key, before := newKey(), len(s.Events())
	for n, name := range []string{"first.v1", "second.v1"} {
		etag := ""
		if n > 0 {
			etag = s.get(t, key).Etag
		}
		document := write(key, `{}`, etag)
		document.Item.Metadata = map[string]string{"type": name, "subject": key, "traceparent": trace}
		s.mustWrite(t, document, projection(key, `{"name":"`+name+`"}`))
	}
	got := find(s.AwaitEvents(t, before+2), key)
	want := []Event{{"first.v1", key, trace, `{"name":"first.v1"}`}, {"second.v1", key, trace, `{"name":"second.v1"}`}}
	if !cmp.Equal(got, want) {
		t.Errorf("events (-want +got):\n%s", cmp.Diff(want, got))
	}
}

func newKey() string { return "contract-" + uuid.NewString() }

// write returns an upsert as services send it: first write wins, and an ETag names the version that was read.
func write(key, value, etag string) *dapr.StateOperation {
	item := &dapr.SetStateItem{Key: key, Value: []byte(value), Options: &dapr.StateOptions{
		Concurrency: dapr.StateConcurrencyFirstWrite, Consistency: dapr.StateConsistencyStrong,
	}}
	if etag != "" {
		item.Etag = &dapr.ETag{Value: etag}
	}
	return &dapr.StateOperation{Type: dapr.StateOperationTypeUpsert, Item: item}
}

func projection(key, data string) *dapr.StateOperation {
	return &dapr.StateOperation{Type: dapr.StateOperationTypeUpsert, Item: &dapr.SetStateItem{
		Key: key, Value: []byte(data),
		Metadata: map[string]string{"outbox.projection": "true", "contentType": "application/json"},
	}}
}

func (s Subject) get(t *testing.T, key string) *dapr.StateItem {
	t.Helper()
	item, err := s.GetState(t.Context(), s.Plain, key, nil)
	if err != nil {
		t.Fatalf("read %s: %v", key, err)
	}
	return item
}

func (s Subject) wantValue(t *testing.T, key, want string) {
	t.Helper()
	if got := compact(t, s.get(t, key).Value); got != want {
		t.Errorf("document: got %s, want %s", got, want)
	}
}

func (s Subject) mustWrite(t *testing.T, ops ...*dapr.StateOperation) {
	t.Helper()
	if err := s.ExecuteStateTransaction(t.Context(), s.storeFor(ops), nil, ops); err != nil {
		t.Fatalf("write: %v", err)
	}
}

// storeFor returns the component for a transaction, as services choose it: Outbox if the transaction has an event.
func (s Subject) storeFor(ops []*dapr.StateOperation) string {
	for _, op := range ops {
		if op.Item.Metadata["outbox.projection"] == "true" {
			return s.Outbox
		}
	}
	return s.Plain
}

// wantInternal checks that a write fails. Dapr reports every failure of the store as Internal, also a lost race.
func (s Subject) wantInternal(t *testing.T, ops ...*dapr.StateOperation) {
	t.Helper()
	if err := s.ExecuteStateTransaction(t.Context(), s.storeFor(ops), nil, ops); status.Code(err) != codes.Internal {
		t.Fatalf("write: got %v, want an error with code Internal", err)
	}
}

// find returns the events of one subject.
func find(events []Event, subject string) []Event {
	var found []Event
	for _, event := range events {
		if event.Subject == subject {
			found = append(found, event)
		}
	}
	return found
}

func compact(t *testing.T, text []byte) string {
	t.Helper()
	var short bytes.Buffer
	if err := json.Compact(&short, text); err != nil {
		t.Fatalf("%q is not JSON: %v", text, err)
	}
	return short.String()
}

// Package document stores aggregates as Dapr state documents and publishes their changes. One call writes the document and
// its event in one transaction, through Dapr's transactional outbox
// (https://docs.dapr.io/developing-applications/building-blocks/state-management/howto-outbox/), so neither can be saved
// without the other. Writes are optimistic: each carries the ETag that was read, and the loser of a race reads again. The client
// that a Store gets signs each event (Signing).
package document

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	dapr "github.com/dapr/go-sdk/client"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/telemetry"
)

// maxAttempts is the number of times Change reads and writes a document before it gives up.
const maxAttempts = 10

// ErrExists means that the document to create already exists.
var ErrExists = errors.New("the document exists")

// ErrUnchanged is returned by a function given to Change when the document needs no change.
var ErrUnchanged = errors.New("nothing to change")

// projection marks the operation that holds the data of an event
// (https://docs.dapr.io/developing-applications/building-blocks/state-management/howto-outbox/).
const projection = "outbox.projection"

// timeLayout is RFC 3339 with microseconds: a fraction of six digits, which parsers in all languages read.
const timeLayout = "2006-01-02T15:04:05.000000Z07:00"

// errRaced means that another write has changed the document, and so its ETag, since it was read.
var errRaced = errors.New("another writer changed the document")

// Client is the part of the Dapr SDK's client that a Store needs.
type Client interface {
	GetState(ctx context.Context, store, key string, meta map[string]string) (*dapr.StateItem, error)
	ExecuteStateTransaction(ctx context.Context, store string, meta map[string]string, ops []*dapr.StateOperation) error
}

// Store stores documents of one kind, each under the key "<kind>-<id>".
type Store[T any] struct {
	client    Client
	component string
	kind      string
}

// NewStore returns a store for documents of one kind. component is the state component for changes without an event. A change with an
// event goes to the component that event.OutboxComponent names after component and the event's topic.
func NewStore[T any](client Client, component, kind string) Store[T] {
	return Store[T]{client, component, kind}
}

// Get reads a document. The error is NotFound when it does not exist, and Unavailable when the sidecar or its database does
// not answer.
func (s Store[T]) Get(ctx context.Context, id string) (T, error) {
	value, _, err := s.get(ctx, id)
	return value, err
}

// get is Get, with the ETag of the document.
func (s Store[T]) get(ctx context.Context, id string) (value T, etag string, err error) {
	item, err := s.client.GetState(ctx, s.component, s.key(id), nil)
	if err != nil {
		return value, "", fault.Unavailable(err, "the state store does not answer")
	}
	if len(item.Value) == 0 {
		return value, "", fault.NotFound("%s %s does not exist", s.kind, id)
	}
	if err := json.Unmarshal(item.Value, &value); err != nil {
		return value, "", fmt.Errorf("decode %s: %w", s.key(id), err)
	}
	return value, item.Etag, nil
}

// Create writes a new document and publishes message. It returns ErrExists when the document exists, even if this very call
// wrote it and lost the response: the caller then reads the document to find out.
func (s Store[T]) Create(ctx context.Context, id string, value T, message event.Message) error {
	err := s.write(ctx, id, "", value, message)
	if errors.Is(err, errRaced) {
		return ErrExists
	}
	return err
}

// Change reads a document, calls change to alter it and to choose the event, and writes it back. It starts again when
// another writer was faster, and returns Unavailable after maxAttempts. It returns the document as stored. An error from change is
// returned unwrapped, together with the document as change left it, and nothing is written; ErrUnchanged writes nothing and counts as
// success.
func (s Store[T]) Change(ctx context.Context, id string, change func(*T) (event.Message, error)) (T, error) {
	for range maxAttempts {
		value, etag, err := s.get(ctx, id)
		if err != nil {
			return value, err
		}
		message, err := change(&value)
		if errors.Is(err, ErrUnchanged) {
			return value, nil
		}
		if err != nil {
			return value, err
		}
		if err = s.write(ctx, id, etag, value, message); !errors.Is(err, errRaced) {
			return value, err
		}
	}
	var none T
	return none, fault.Unavailable(errRaced, "%s %s has too many concurrent writers", s.kind, id)
}

// write upserts the document and publishes message in the same transaction. The document's metadata become the CloudEvent's
// attributes. A second upsert with the metadata outbox.projection holds the event's data; without it Dapr would publish the
// whole document.
func (s Store[T]) write(ctx context.Context, id, etag string, value T, message event.Message) error {
	component, upsert, err := s.component, s.upsert(id, etag), error(nil)
	if upsert.Value, err = json.Marshal(value); err != nil {
		return fmt.Errorf("encode %s: %w", s.key(id), err)
	}
	ops := []*dapr.StateOperation{{Type: dapr.StateOperationTypeUpsert, Item: upsert}}
	if message.Topic != "" {
		component = event.OutboxComponent(s.component, message.Topic)
		upsert.Metadata = attributes(ctx, message)
		data, err := json.Marshal(message.Data)
		if err != nil {
			return fmt.Errorf("encode event %s: %w", message.Type, err)
		}
		ops = append(ops, &dapr.StateOperation{Type: dapr.StateOperationTypeUpsert, Item: &dapr.SetStateItem{
			Key: s.key(id), Value: data,
			Metadata: map[string]string{projection: "true", "contentType": "application/json"},
		}})
	}
	if err := s.client.ExecuteStateTransaction(ctx, component, nil, ops); err != nil {
		return s.classify(ctx, id, etag, err)
	}
	return nil
}

// upsert returns the write of a document, without the value. The write fails unless the document still has this ETag; "" means that there
// must be no document yet.
func (s Store[T]) upsert(id, etag string) *dapr.SetStateItem {
	item := &dapr.SetStateItem{Key: s.key(id), Options: &dapr.StateOptions{
		Concurrency: dapr.StateConcurrencyFirstWrite, Consistency: dapr.StateConsistencyStrong,
	}}
	if etag != "" {
		item.Etag = &dapr.ETag{Value: etag}
	}
	return item
}

// attributes returns the CloudEvent's attributes: those of message, the trace, and the time. The sidecar would set the time in whole seconds,
// which is too coarse for timelines.
func attributes(ctx context.Context, message event.Message) map[string]string {
	attributes := map[string]string{"type": message.Type, "subject": message.Subject, "time": time.Now().UTC().Format(timeLayout)}
	if parent := telemetry.Traceparent(ctx); parent != "" {
		attributes["traceparent"] = parent
	}
	return attributes
}

// classify tells a lost race from a store that does not answer. Dapr reports both as Internal, so classify compares the
// stored ETag with the one that was read. Our own write whose response was lost counts as a lost race too: Change then reads
// again, and the function given to it has to find that nothing is left to do.
func (s Store[T]) classify(ctx context.Context, id, etag string, cause error) error {
	_, current, err := s.get(ctx, id)
	if fault.Is(err, fault.KindNotFound) {
		err = nil
	}
	if err == nil && current != etag {
		return errRaced
	}
	return fault.Unavailable(cause, "the state store does not answer")
}

// MaxDuplicates is how often a caller should repeat a write for which IsDuplicate is true, when it finds that the other document, which had
// the value, has given it up meanwhile.
const MaxDuplicates = 5

// IsDuplicate reports whether a unique index refused a write. Dapr names the cause only in the error's text.
func IsDuplicate(err error) bool {
	return err != nil && strings.Contains(err.Error(), "SQLSTATE 23505")
}

func (s Store[T]) key(id string) string { return s.kind + "-" + id }

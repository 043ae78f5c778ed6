// Package document keeps aggregates as Dapr state documents and announces their changes. The document and its event are
// one call, one transaction, through Dapr's transactional outbox
// (https://docs.dapr.io/developing-applications/building-blocks/state-management/howto-outbox/): there is no way to save
// the one and forget the other. Writes are optimistic: each names the ETag it read, and the loser of a race reads again.
package document

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	dapr "github.com/dapr/go-sdk/client"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/telemetry"
)

// maxRaces is how often Change reads again before it gives up.
const maxRaces = 10

// ErrExists says that Create found the document already there.
var ErrExists = errors.New("the document exists")

// ErrUnchanged is what a function given to Change returns when there is nothing to do.
var ErrUnchanged = errors.New("nothing to change")

// errRaced says that somebody else wrote the document since it was read.
var errRaced = errors.New("the document was changed by somebody else")

// Client is the part of the Dapr SDK's client that documents need.
type Client interface {
	GetState(ctx context.Context, store, key string, meta map[string]string) (*dapr.StateItem, error)
	ExecuteStateTransaction(ctx context.Context, store string, meta map[string]string, ops []*dapr.StateOperation) error
}

// Store keeps documents of one kind, each under "<kind>-<id>".
type Store[T any] struct {
	client    Client
	component string
	kind      string
}

// NewStore returns the store of documents of a kind. Component is the plain component, for changes that nobody hears of;
// the announcing ones are named after it (event.Component).
func NewStore[T any](client Client, component, kind string) Store[T] {
	return Store[T]{client, component, kind}
}

// Get reads a document. NotFound when there is none, Unavailable when the sidecar or its database does not answer.
func (s Store[T]) Get(ctx context.Context, id string) (T, error) {
	value, _, err := s.get(ctx, id)
	return value, err
}

func (s Store[T]) get(ctx context.Context, id string) (value T, etag string, err error) {
	item, err := s.client.GetState(ctx, s.component, s.key(id), nil)
	if err != nil {
		return value, "", fault.Unavailable(err, "the state store does not answer")
	}
	if len(item.Value) == 0 {
		return value, "", fault.NotFound("%s %s is not there", s.kind, id)
	}
	if err := json.Unmarshal(item.Value, &value); err != nil {
		return value, "", fmt.Errorf("decode %s: %w", s.key(id), err)
	}
	return value, item.Etag, nil
}

// Create writes a document that must not be there yet, and announces message. ErrExists when it is there, also when this
// very call wrote it and the answer was lost: the caller looks at what is there.
func (s Store[T]) Create(ctx context.Context, id string, value T, message event.Message) error {
	err := s.write(ctx, id, "", value, message)
	if errors.Is(err, errRaced) {
		return ErrExists
	}
	return err
}

// Change reads a document, lets change alter it and say what to announce, and writes it back; when somebody else was
// faster it begins again. It returns the document as it then is. An error of change ends it and is returned as it is,
// but ErrUnchanged, which means that all is well and nothing has to be written.
func (s Store[T]) Change(ctx context.Context, id string, change func(*T) (event.Message, error)) (T, error) {
	for range maxRaces {
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
	return none, fault.Unavailable(errRaced, "%s %s is being changed by many at once", s.kind, id)
}

// write upserts the document, and announces message in the same transaction. The document's metadata become the
// CloudEvent's attributes; the projection's value becomes its data, so that no document leaks whole onto a topic.
func (s Store[T]) write(ctx context.Context, id, etag string, value T, message event.Message) error {
	component, upsert, err := s.component, s.upsert(id, etag), error(nil)
	if upsert.Value, err = json.Marshal(value); err != nil {
		return fmt.Errorf("encode %s: %w", s.key(id), err)
	}
	ops := []*dapr.StateOperation{{Type: dapr.StateOperationTypeUpsert, Item: upsert}}
	if message.Topic != "" {
		component = event.Component(s.component, message.Topic)
		upsert.Metadata = attributes(ctx, message)
		data, err := json.Marshal(message.Data)
		if err != nil {
			return fmt.Errorf("encode event %s: %w", message.Type, err)
		}
		ops = append(ops, &dapr.StateOperation{Type: dapr.StateOperationTypeUpsert, Item: &dapr.SetStateItem{
			Key: s.key(id), Value: data,
			Metadata: map[string]string{"outbox.projection": "true", "contentType": "application/json"},
		}})
	}
	if err := s.client.ExecuteStateTransaction(ctx, component, nil, ops); err != nil {
		return s.explain(ctx, id, etag, err)
	}
	return nil
}

func (s Store[T]) upsert(id, etag string) *dapr.SetStateItem {
	item := &dapr.SetStateItem{Key: s.key(id), Options: &dapr.StateOptions{
		Concurrency: dapr.StateConcurrencyFirstWrite, Consistency: dapr.StateConsistencyStrong,
	}}
	if etag != "" {
		item.Etag = &dapr.ETag{Value: etag}
	}
	return item
}

func attributes(ctx context.Context, message event.Message) map[string]string {
	attributes := map[string]string{"type": message.Type, "subject": message.Subject}
	if parent := telemetry.Traceparent(ctx); parent != "" {
		attributes["traceparent"] = parent
	}
	return attributes
}

// explain tells a lost race from a store that does not answer: Dapr reports both as Internal, so it looks at what is
// there now. That also finds the write of our own whose answer was lost: it counts as raced, and Change, reading again,
// finds nothing left to do.
func (s Store[T]) explain(ctx context.Context, id, etag string, cause error) error {
	_, now, err := s.get(ctx, id)
	if fault.Is(err, fault.KindNotFound) {
		err = nil
	}
	if err == nil && now != etag {
		return errRaced
	}
	return fault.Unavailable(cause, "the state store does not answer")
}

func (s Store[T]) key(id string) string { return s.kind + "-" + id }

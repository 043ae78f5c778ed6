// Package documenttest has a fake of the sidecar's state API, for unit tests of services. It keeps documents in memory and
// notes the events that would be announced. It holds callers to the rules of the outbox and fails as the sidecar does. It
// is no more than a fake: that the real one behaves like this is for the tests in tests/ to show, on a real sidecar.
package documenttest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"

	dapr "github.com/dapr/go-sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"comanda/services/event"
)

// Announced is an event that was written together with a document.
type Announced struct {
	Component  string
	Attributes map[string]string // the CloudEvent's: type, subject, traceparent
	Data       json.RawMessage
}

type row struct {
	value json.RawMessage
	etag  string
}

// Client is the fake. The zero value is ready, and empty.
type Client struct {
	mu        sync.Mutex
	rows      map[string]row
	writes    int
	announced []Announced
	away      error
	before    func()
	lose      bool
}

// GetState reads a document. Components of one service share one table, so any of them will do.
func (c *Client) GetState(ctx context.Context, _, key string, _ map[string]string) (*dapr.StateItem, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.reachable(ctx); err != nil {
		return nil, err
	}
	found := c.rows[key]
	return &dapr.StateItem{Key: key, Value: slices.Clone(found.value), Etag: found.etag}, nil
}

// ExecuteStateTransaction writes one document, with first-write concurrency, and notes its announcement. A lost race is
// Internal, as the sidecar has it.
func (c *Client) ExecuteStateTransaction(ctx context.Context, component string, _ map[string]string, ops []*dapr.StateOperation) error {
	c.interrupt()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.reachable(ctx); err != nil {
		return err
	}
	document, projection, err := split(ops)
	if err != nil {
		return err
	}
	if err := c.write(document); err != nil {
		return err
	}
	if projection != nil {
		c.announced = append(c.announced, Announced{component, document.Metadata, slices.Clone(projection.Value)})
	}
	if err := matches(component, document, projection); err != nil {
		return err
	}
	if c.lose {
		c.lose = false
		return status.Error(codes.Unavailable, "the answer was lost")
	}
	return nil
}

func (c *Client) write(document *dapr.SetStateItem) error {
	found, there := c.rows[document.Key]
	switch {
	case document.Etag == nil && there:
		return status.Error(codes.Internal, "no item was updated")
	case document.Etag != nil && (!there || document.Etag.Value != found.etag):
		return status.Error(codes.Internal, "possible etag mismatch. error from state store")
	}
	if c.rows == nil {
		c.rows = map[string]row{}
	}
	c.writes++
	c.rows[document.Key] = row{slices.Clone(document.Value), strconv.Itoa(c.writes)}
	return nil
}

// split finds the document and its projection, of which there may be one each.
func split(ops []*dapr.StateOperation) (document, projection *dapr.SetStateItem, err error) {
	for _, op := range ops {
		switch {
		case op.Type != dapr.StateOperationTypeUpsert:
			return nil, nil, errors.New("documenttest: only upserts are known")
		case op.Item.Metadata["outbox.projection"] == "true" && projection == nil:
			projection = op.Item
		case document == nil:
			document = op.Item
		default:
			return nil, nil, errors.New("documenttest: one transaction is one document and one projection")
		}
	}
	if document == nil || document.Options == nil || document.Options.Concurrency != dapr.StateConcurrencyFirstWrite {
		return nil, nil, errors.New("documenttest: a document is written with first-write concurrency")
	}
	return document, projection, nil
}

// matches checks that the component announces on the topic of the event, and the plain one nothing.
func matches(component string, document, projection *dapr.SetStateItem) error {
	if projection == nil {
		if strings.Contains(component, "-") {
			return errors.New("documenttest: " + component + " announces, and there is no projection: the document would leak")
		}
		return nil
	}
	plain, _, _ := strings.Cut(component, "-")
	topic := strings.TrimSuffix(document.Metadata["type"], ".v1")
	if event.Component(plain, topic) != component || projection.Key != document.Key || document.Metadata["subject"] == "" {
		return errors.New("documenttest: the event does not fit the component " + component)
	}
	return nil
}

func (c *Client) reachable(ctx context.Context) error {
	if c.away != nil {
		return c.away
	}
	return ctx.Err()
}

// interrupt runs what Before left, once, with nothing locked.
func (c *Client) interrupt() {
	c.mu.Lock()
	before := c.before
	c.before = nil
	c.mu.Unlock()
	if before != nil {
		before()
	}
}

// Before lets interfere run right before the next write, once: whoever it is that wins the race.
func (c *Client) Before(interfere func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = interfere
}

// LoseAnswer lets the next write succeed and its caller hear of a failure.
func (c *Client) LoseAnswer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lose = true
}

// Away makes every call fail as when the sidecar is not there, or ends that.
func (c *Client) Away(away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = nil
	if away {
		c.away = status.Error(codes.Unavailable, "connection refused")
	}
}

// Announced returns the events announced so far, in the order of their writes.
func (c *Client) Announced() []Announced {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.announced)
}

// Writes says how often a document was written.
func (c *Client) Writes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes
}

// Document returns the JSON kept under key, nil when there is none.
func (c *Client) Document(key string) json.RawMessage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.rows[key].value)
}

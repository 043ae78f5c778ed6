// Package documenttest stands in for the sidecar in tests of documents: it writes them into Dapr's table of a real Postgres
// with the statements of state.postgresql v2, so that ETags, first-write and unique indexes are the real ones, and keeps what
// was announced instead of publishing it. It is a stand-in all the same: the real sidecar is proved by tests/.
package servicetest

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"comanda/services/event"
)

// Event is one that was announced.
type Event struct {
	Component string // the state component that ran the transaction, which decides the topic
	Type      string
	Subject   string
	Trace     string // the traceparent
	Data      json.RawMessage
}

// Sidecar is a document.Client.
type Sidecar struct {
	pool *pgxpool.Pool

	mu     sync.Mutex
	events []Event
	away   bool
	lose   bool
	before func()
}

// NewSidecar returns a client that writes into pool's table state (NewDatabase makes one).
func NewSidecar(pool *pgxpool.Pool) *Sidecar { return &Sidecar{pool: pool} }

// Away makes every call fail as if the sidecar were not there, until it is told otherwise.
func (c *Sidecar) Away(away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = away
}

// LoseNextAnswer lets the next write succeed and report a failure, as when a connection breaks in between.
func (c *Sidecar) LoseNextAnswer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lose = true
}

// BeforeNextWrite runs interfere right before the next write, once: whoever it is that wins the race.
func (c *Sidecar) BeforeNextWrite(interfere func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = interfere
}

// interrupt runs what BeforeNextWrite left. Nothing is locked then, so that it can write itself.
func (c *Sidecar) interrupt() {
	c.mu.Lock()
	before := c.before
	c.before = nil
	c.mu.Unlock()
	if before != nil {
		before()
	}
}

// Events returns what was announced on topic so far.
func Events[T any](t testing.TB, c *Sidecar, plain string, topic event.Topic[T]) []T {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []T
	for _, e := range c.events {
		if e.Type != topic.Type() {
			continue
		}
		if want := event.Component(plain, topic.Name); e.Component != want {
			t.Fatalf("%s was announced through component %s, want %s", e.Type, e.Component, want)
		}
		var data T
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		found = append(found, data)
	}
	return found
}

// All returns every event that was announced so far.
func (c *Sidecar) All() []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Event(nil), c.events...)
}

func (c *Sidecar) state() (away, lose bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.away, c.lose
}

// GetState reads a document; one that is not there is empty, as the SDK has it.
func (c *Sidecar) GetState(ctx context.Context, _, key string, _ map[string]string) (*dapr.StateItem, error) {
	if away, _ := c.state(); away {
		return nil, status.Error(codes.Unavailable, "the sidecar is away")
	}
	item := &dapr.StateItem{Key: key}
	err := c.pool.QueryRow(ctx, `select value, etag::text from state where key = $1`, key).Scan(&item.Value, &item.Etag)
	if errors.Is(err, pgx.ErrNoRows) {
		return item, nil
	}
	return item, err
}

// ExecuteStateTransaction writes all of ops or none, and records the projections of a transaction that committed.
func (c *Sidecar) ExecuteStateTransaction(ctx context.Context, store string, _ map[string]string, ops []*dapr.StateOperation) error {
	c.interrupt()
	away, lose := c.state()
	if away {
		return status.Error(codes.Unavailable, "the sidecar is away")
	}
	var announced []Event
	err := pgx.BeginFunc(ctx, c.pool, func(tx pgx.Tx) error {
		var attributes map[string]string
		for _, op := range ops {
			if op.Item.Metadata["outbox.projection"] == "true" {
				announced = append(announced, Event{store, attributes["type"], attributes["subject"], attributes["traceparent"], op.Item.Value})
				continue
			}
			attributes = op.Item.Metadata
			if err := upsert(ctx, tx, op.Item); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil { // Dapr reports whatever went wrong in the store as Internal
		return status.Error(codes.Internal, err.Error())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, announced...)
	if c.lose = false; lose {
		return status.Error(codes.Unavailable, "the connection broke")
	}
	return nil
}

// upsert is what state.postgresql v2 does with concurrency first-write.
func upsert(ctx context.Context, tx pgx.Tx, item *dapr.SetStateItem) error {
	statement := `insert into state as t (key, value, etag) values ($1, $2, gen_random_uuid()) on conflict (key) do update
		set value = $2, etag = gen_random_uuid() where t.expires_at < now()`
	args := []any{item.Key, item.Value}
	if item.Etag != nil {
		statement = `update state set value = $2, updated_at = now(), etag = gen_random_uuid() where key = $1 and etag = $3`
		args = append(args, item.Etag.Value)
	}
	tag, err := tx.Exec(ctx, statement, args...)
	if err == nil && tag.RowsAffected() != 1 {
		return status.Error(codes.Internal, "no item was updated")
	}
	return err
}

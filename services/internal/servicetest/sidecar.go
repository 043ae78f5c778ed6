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

// Event is an event that a transaction would have published.
type Event struct {
	Component   string // the state component that ran the transaction, which decides the topic
	Type        string
	Subject     string
	Traceparent string
	Data        json.RawMessage
}

// Sidecar is a fake sidecar that implements document.Client. It writes documents into Dapr's table of a real Postgres with
// the statements of state.postgresql v2, so ETags, first-write and unique indexes behave as they do in Dapr. It keeps events
// instead of publishing them. The tests in tests/ run against the real sidecar.
type Sidecar struct {
	pool *pgxpool.Pool

	mu     sync.Mutex
	events []Event
	away   bool   // every call fails (Away)
	lose   bool   // the next write returns an error although it succeeds (LoseNextAnswer)
	before func() // runs before the next write (BeforeNextWrite); nil for none
	after  func() // runs after the next write (AfterNextWrite); nil for none

	writesLeft int // until the sidecar is away (awayAfter); 0: no limit
}

// NewSidecar returns a fake sidecar that writes into pool's table state (NewDatabase creates one).
func NewSidecar(pool *pgxpool.Pool) *Sidecar { return &Sidecar{pool: pool} }

// Away makes every call fail as if the sidecar were not running, until Away(false).
func (c *Sidecar) Away(away bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = away
}

// LoseNextAnswer makes the next write succeed but return an error, as when the connection breaks before the response.
func (c *Sidecar) LoseNextAnswer() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lose = true
}

// awayAfter makes every call fail after the given number of writes.
func (c *Sidecar) awayAfter(writes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writesLeft = writes
}

// BeforeNextWrite runs interfere once, right before the next write. It lets a test win the race against that write.
func (c *Sidecar) BeforeNextWrite(interfere func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = interfere
}

// AfterNextWrite runs interfere once, right after the next write, also if that is refused.
func (c *Sidecar) AfterNextWrite(interfere func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after = interfere
}

// runOnce runs the function of BeforeNextWrite or AfterNextWrite. It holds no lock, so the function can write too.
func (c *Sidecar) runOnce(interference *func()) {
	c.mu.Lock()
	interfere := *interference
	*interference = nil
	c.mu.Unlock()
	if interfere != nil {
		interfere()
	}
}

// Events returns the data of the events published on topic so far. It fails the test if one went through another component
// than topic's, whose name derives from store, the plain state component.
func Events[T any](t testing.TB, c *Sidecar, store string, topic event.Topic[T]) []T {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []T
	for _, e := range c.events {
		if e.Type != topic.Type() {
			continue
		}
		if want := event.OutboxComponent(store, topic.Name); e.Component != want {
			t.Fatalf("%s: got component %s, want %s", e.Type, e.Component, want)
		}
		var data T
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		found = append(found, data)
	}
	return found
}

// All returns all events published so far, in order.
func (c *Sidecar) All() []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Event(nil), c.events...)
}

// faults returns the faults that are set.
func (c *Sidecar) faults() (away, lose bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.away, c.lose
}

// GetState reads a document. For a missing document the item is empty, as in the SDK.
func (c *Sidecar) GetState(ctx context.Context, _, key string, _ map[string]string) (*dapr.StateItem, error) {
	if away, _ := c.faults(); away {
		return nil, status.Error(codes.Unavailable, "the sidecar is away")
	}
	item := &dapr.StateItem{Key: key}
	err := c.pool.QueryRow(ctx, `select value, etag::text from state where key = $1`, key).Scan(&item.Value, &item.Etag)
	if errors.Is(err, pgx.ErrNoRows) {
		return item, nil
	}
	return item, err
}

// GetBulkState reads documents. Those that are missing have neither value nor ETag, as in the SDK.
func (c *Sidecar) GetBulkState(ctx context.Context, _ string, keys []string, _ map[string]string, _ int32) ([]*dapr.BulkStateItem, error) {
	if away, _ := c.faults(); away {
		return nil, status.Error(codes.Unavailable, "the sidecar is away")
	}
	rows, err := c.pool.Query(ctx, `select wanted, value, coalesce(etag::text, '') from unnest($1::text[]) as wanted
		left join state on key = wanted`, keys)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*dapr.BulkStateItem, error) {
		item := &dapr.BulkStateItem{}
		return item, row.Scan(&item.Key, &item.Value, &item.Etag)
	})
}

// ExecuteStateTransaction runs ops in one transaction and keeps their projections as events once it has committed.
func (c *Sidecar) ExecuteStateTransaction(ctx context.Context, store string, _ map[string]string,
	ops []*dapr.StateOperation) error {
	c.runOnce(&c.before)
	defer c.runOnce(&c.after)
	away, lose := c.faults()
	if away {
		return status.Error(codes.Unavailable, "the sidecar is away")
	}
	var published []Event
	err := pgx.BeginFunc(ctx, c.pool, func(tx pgx.Tx) error {
		var attributes map[string]string
		for _, op := range ops {
			if op.Item.Metadata["outbox.projection"] == "true" {
				published = append(published, Event{store, attributes["type"], attributes["subject"], attributes["traceparent"],
					op.Item.Value})
				continue
			}
			attributes = op.Item.Metadata
			if err := upsert(ctx, tx, op.Item); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil { // Dapr reports every error of the store as Internal
		return status.Error(codes.Internal, err.Error())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, published...)
	if c.writesLeft > 0 {
		c.writesLeft--
		c.away = c.writesLeft == 0
	}
	if c.lose = false; lose {
		return status.Error(codes.Unavailable, "the connection broke")
	}
	return nil
}

// upsert writes item as state.postgresql v2 does with concurrency first-write.
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

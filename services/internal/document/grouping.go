package document

import (
	"context"
	"errors"
	"sync"

	dapr "github.com/dapr/go-sdk/client"

	"comanda/services/internal/group"
)

// maxGroup is the number of documents that are read or written together.
const maxGroup = 32

// groupingClient reads and writes the documents of concurrent calls together.
type groupingClient struct {
	dapr.Client
	groupWrites bool

	mu sync.Mutex // guards the maps, which are by state component
	// reads have keys as arguments.
	reads map[string]*group.Calls[string, *dapr.StateItem]
	// writes have the operations of one transaction as argument.
	writes map[string]*group.Calls[[]*dapr.StateOperation, struct{}]
}

// Grouping returns client with concurrent reads of one state component joined into one, and likewise transactions if groupWrites is set. If
// a joined transaction fails, its parts run by themselves, so none fails because of another.
func Grouping(client dapr.Client, groupWrites bool) dapr.Client {
	return &groupingClient{Client: client, groupWrites: groupWrites, reads: map[string]*group.Calls[string, *dapr.StateItem]{},
		writes: map[string]*group.Calls[[]*dapr.StateOperation, struct{}]{}}
}

// GetState reads a document, together with others.
func (c *groupingClient) GetState(ctx context.Context, store, key string, meta map[string]string) (*dapr.StateItem, error) {
	if len(meta) > 0 {
		return c.Client.GetState(ctx, store, key, meta)
	}
	c.mu.Lock()
	calls := c.reads[store]
	if calls == nil {
		calls = group.New(maxGroup, func(ctx context.Context, keys []string) ([]*dapr.StateItem, error) {
			return c.readAll(ctx, store, keys)
		})
		c.reads[store] = calls
	}
	c.mu.Unlock()
	return calls.Do(ctx, key)
}

// readAll reads documents in one call.
func (c *groupingClient) readAll(ctx context.Context, store string, keys []string) ([]*dapr.StateItem, error) {
	if len(keys) == 1 {
		item, err := c.Client.GetState(ctx, store, keys[0], nil)
		return []*dapr.StateItem{item}, err
	}
	found, err := c.Client.GetBulkState(ctx, store, keys, nil, maxGroup)
	if err != nil {
		return nil, err
	}
	byKey := make(map[string]*dapr.StateItem, len(found))
	for _, item := range found {
		if item.Error != "" {
			return nil, errors.New(item.Error)
		}
		byKey[item.Key] = &dapr.StateItem{Key: item.Key, Value: item.Value, Etag: item.Etag, Metadata: item.Metadata}
	}
	items := make([]*dapr.StateItem, 0, len(keys))
	for _, key := range keys {
		if byKey[key] == nil {
			return nil, errors.New("the sidecar left a document out")
		}
		items = append(items, byKey[key])
	}
	return items, nil
}

// ExecuteStateTransaction runs a transaction, together with others.
func (c *groupingClient) ExecuteStateTransaction(ctx context.Context, store string, meta map[string]string, ops []*dapr.StateOperation) error {
	if !c.groupWrites || len(meta) > 0 {
		return c.Client.ExecuteStateTransaction(ctx, store, meta, ops)
	}
	c.mu.Lock()
	calls := c.writes[store]
	if calls == nil {
		calls = group.New(maxGroup, func(ctx context.Context, all [][]*dapr.StateOperation) ([]struct{}, error) {
			return make([]struct{}, len(all)), c.writeAll(ctx, store, all)
		})
		c.writes[store] = calls
	}
	c.mu.Unlock()
	_, err := calls.Do(ctx, ops)
	return err
}

// errSameDocument means that two of the transactions to join write the same document, which Dapr's outbox does not allow in one.
var errSameDocument = errors.New("two transactions write the same document")

// writeAll runs transactions as one.
func (c *groupingClient) writeAll(ctx context.Context, store string, all [][]*dapr.StateOperation) error {
	var joined []*dapr.StateOperation
	documents := map[string]bool{}
	for _, ops := range all {
		key := ops[0].Item.Key
		if documents[key] {
			return errSameDocument
		}
		documents[key] = true
		joined = append(joined, ops...)
	}
	return c.Client.ExecuteStateTransaction(ctx, store, nil, joined)
}

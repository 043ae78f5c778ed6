package document

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	dapr "github.com/dapr/go-sdk/client"

	"comanda/services/internal/batch"
)

// maxBytes limits a joined transaction. The sidecar refuses requests of more than 4 MB.
const maxBytes = 1 << 20

// groupingClient reads and writes the documents of concurrent calls together.
type groupingClient struct {
	dapr.Client
	joins capability

	mu sync.Mutex // guards the maps, which are by state component
	// reads have keys as arguments.
	reads map[string]*batch.Calls[string, *dapr.StateItem]
	// writes have the operations of one transaction as argument.
	writes map[string]*batch.Calls[[]*dapr.StateOperation, struct{}]
}

// Grouping returns client with concurrent reads of one state component joined into one, and likewise transactions if the sidecar can write
// several documents with events in one. If a joined transaction fails, its parts run by themselves, so none fails because of another. Therefore
// only writes are joined that fail when they are repeated after a success whose response was lost: those with first-write concurrency, as a
// Store's. A service whose documents have unique indexes, as those of auth and user, does not use it: two joined transactions could wait
// for each other on such an index.
func Grouping(client dapr.Client) dapr.Client {
	return &groupingClient{Client: client, reads: map[string]*batch.Calls[string, *dapr.StateItem]{},
		writes: map[string]*batch.Calls[[]*dapr.StateOperation, struct{}]{}}
}

// GetState reads a document, together with others. A joined read begins after the calls that it serves, so none gets an older state.
func (c *groupingClient) GetState(ctx context.Context, store, key string, meta map[string]string) (*dapr.StateItem, error) {
	if len(meta) > 0 {
		return c.Client.GetState(ctx, store, key, meta)
	}
	return callsOf(c, c.reads, store, func(ctx context.Context, keys []string) ([]*dapr.StateItem, error) {
		return c.readAll(ctx, store, keys)
	}).Do(ctx, key)
}

// callsOf returns the calls of a state component in all, which calls run.
func callsOf[In, Out any](c *groupingClient, all map[string]*batch.Calls[In, Out], store string,
	run func(context.Context, []In) ([]Out, error)) *batch.Calls[In, Out] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if all[store] == nil {
		all[store] = batch.New(batch.Most, run)
	}
	return all[store]
}

// readAll reads documents in one call.
func (c *groupingClient) readAll(ctx context.Context, store string, keys []string) ([]*dapr.StateItem, error) {
	if len(keys) == 1 {
		item, err := c.Client.GetState(ctx, store, keys[0], nil)
		return []*dapr.StateItem{item}, err
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(keys)))
	found, err := c.Client.GetBulkState(ctx, store, distinct, nil, batch.Most)
	if err != nil {
		return nil, err
	}
	byKey := make(map[string]*dapr.BulkStateItem, len(found))
	for _, item := range found {
		if item.Error != "" {
			return nil, errors.New(item.Error)
		}
		byKey[item.Key] = item
	}
	items := make([]*dapr.StateItem, 0, len(keys))
	for _, key := range keys {
		item := byKey[key]
		if item == nil {
			return nil, errors.New("the sidecar left a document out")
		}
		items = append(items, &dapr.StateItem{Key: key, Value: item.Value, Etag: item.Etag, Metadata: item.Metadata})
	}
	return items, nil
}

// ExecuteStateTransaction runs a transaction, together with others.
func (c *groupingClient) ExecuteStateTransaction(ctx context.Context, store string, meta map[string]string, ops []*dapr.StateOperation) error {
	if len(meta) > 0 || !isJoinable(ops) || !c.joins.isThere(ctx, c.Client) {
		return c.Client.ExecuteStateTransaction(ctx, store, meta, ops)
	}
	_, err := callsOf(c, c.writes, store, func(ctx context.Context, all [][]*dapr.StateOperation) ([]struct{}, error) {
		return make([]struct{}, len(all)), c.writeAll(ctx, store, all)
	}).Do(ctx, ops)
	return err
}

// isJoinable reports whether a transaction has upserts alone that fail when they are repeated after a success.
func isJoinable(ops []*dapr.StateOperation) bool {
	for _, op := range ops {
		isFirstWrite := op.Item.Options != nil && op.Item.Options.Concurrency == dapr.StateConcurrencyFirstWrite
		if op.Type != dapr.StateOperationTypeUpsert || op.Item.Metadata[projection] != "true" && !isFirstWrite {
			return false
		}
	}
	return len(ops) > 0
}

// Reasons to run transactions by themselves that were to be joined. Dapr's outbox allows one event of a document in one transaction.
var (
	errSameDocument = errors.New("two transactions write the same document")
	errTooLarge     = errors.New("the transactions are too large to be joined")
)

// writeAll runs transactions as one.
func (c *groupingClient) writeAll(ctx context.Context, store string, all [][]*dapr.StateOperation) error {
	if len(all) == 1 {
		return c.Client.ExecuteStateTransaction(ctx, store, nil, all[0])
	}
	// All joined transactions lock documents in the order of their keys, so they cannot deadlock on those.
	slices.SortFunc(all, func(a, b []*dapr.StateOperation) int { return cmp.Compare(a[0].Item.Key, b[0].Item.Key) })
	var joined []*dapr.StateOperation
	writerOf, bytes := map[string]int{}, 0 // the index of the transaction that writes a document
	for i, ops := range all {
		for _, op := range ops {
			if writer, exists := writerOf[op.Item.Key]; exists && writer != i {
				return errSameDocument
			}
			writerOf[op.Item.Key] = i
			bytes += len(op.Item.Value)
		}
		joined = append(joined, ops...)
	}
	if bytes > maxBytes {
		return errTooLarge
	}
	err := c.Client.ExecuteStateTransaction(ctx, store, nil, joined)
	c.joins.check(err)
	return err
}

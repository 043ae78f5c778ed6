package document_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"

	dapr "github.com/dapr/go-sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"comanda/tests/statestore"
)

// memory is a sidecar whose state store is in memory, so that a test can run it in a bubble (testing/synctest). It keeps the contract of the
// real sidecar (TestTheStoreInMemoryKeepsTheContract).
type memory struct {
	dapr.Client
	hold chan struct{} // if set, the next transaction or read waits until it is closed
	lose int           // the number of the transaction whose response is lost, from 1 on; 0: none
	deny bool          // reads of several documents fail

	capabilities []string // of its state store
	silent       bool     // it says nothing of its capabilities
	asked        int      // how often it was asked for them

	mu           sync.Mutex
	documents    map[string]*dapr.StateItem
	versions     int
	events       []statestore.Event
	transactions [][]string // the keys of each, also of those that failed
	reads        [][]string
}

func newMemory() *memory {
	return &memory{documents: map[string]*dapr.StateItem{}, capabilities: []string{"SEVERAL_EVENTS"}}
}

func (m *memory) GetMetadata(context.Context) (*dapr.GetMetadataResponse, error) {
	m.asked++
	if m.silent {
		return nil, status.Error(codes.Unavailable, "no response")
	}
	return &dapr.GetMetadataResponse{RegisteredComponents: []*dapr.MetadataRegisteredComponents{{Name: "lights", Capabilities: m.capabilities}}}, nil
}

// wait waits until the test lets the call go on.
func (m *memory) wait() {
	m.mu.Lock()
	held := m.hold
	m.hold = nil
	m.mu.Unlock()
	if held != nil {
		<-held
	}
}

func (m *memory) GetState(_ context.Context, _, key string, _ map[string]string) (*dapr.StateItem, error) {
	m.wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads = append(m.reads, []string{key})
	return m.item(key), nil
}

func (m *memory) GetBulkState(_ context.Context, _ string, keys []string, _ map[string]string, _ int32) ([]*dapr.BulkStateItem, error) {
	m.wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads = append(m.reads, slices.Clone(keys))
	if m.deny {
		return nil, status.Error(codes.ResourceExhausted, "the response is too large")
	}
	var items []*dapr.BulkStateItem
	for _, key := range slices.Backward(keys) { // Dapr promises no order
		item := m.item(key)
		items = append(items, &dapr.BulkStateItem{Key: key, Value: item.Value, Etag: item.Etag})
	}
	return items, nil
}

func (m *memory) item(key string) *dapr.StateItem {
	if item := m.documents[key]; item != nil {
		return item
	}
	return &dapr.StateItem{Key: key}
}

func (m *memory) ExecuteStateTransaction(_ context.Context, _ string, _ map[string]string, ops []*dapr.StateOperation) error {
	m.wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []string
	var events []statestore.Event
	written := map[string]*dapr.SetStateItem{}
	for _, op := range ops {
		if op.Item.Metadata["outbox.projection"] == "true" {
			attributes := written[op.Item.Key].Metadata
			events = append(events, statestore.Event{Type: attributes["type"], Subject: attributes["subject"],
				Traceparent: attributes["traceparent"], Data: string(op.Item.Value)})
			continue
		}
		keys = append(keys, op.Item.Key)
		written[op.Item.Key] = op.Item
	}
	m.transactions = append(m.transactions, keys)
	if len(written) < len(keys) {
		return status.Error(codes.Internal, "a document is written twice")
	}
	for _, item := range written {
		etag := ""
		if item.Etag != nil {
			etag = item.Etag.Value
		}
		if m.item(item.Key).Etag != etag {
			return status.Error(codes.Internal, "no item was updated")
		}
	}
	for key, item := range written {
		m.versions++
		m.documents[key] = &dapr.StateItem{Key: key, Value: item.Value, Etag: strconv.Itoa(m.versions)}
	}
	m.events = append(m.events, events...)
	if len(m.transactions) == m.lose {
		return status.Error(codes.Unavailable, "the connection broke")
	}
	return nil
}

func (m *memory) published() []statestore.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.events)
}

func TestTheStoreInMemoryKeepsTheContract(t *testing.T) {
	m := newMemory()
	statestore.Run(t, statestore.Subject{
		Client: m, Plain: "documents", Outbox: "documents-with-events", Events: m.published,
		AwaitEvents: func(testing.TB, int) []statestore.Event { return m.published() },
	})
}

package document_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	dapr "github.com/dapr/go-sdk/client"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/servicetest"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

type light struct {
	On     bool   `json:"on"`
	Turned int    `json:"turned"`
	Secret string `json:"secret"`
}

// turned returns the event of a light's change. Any topic will do here.
func turned(id string, times int) event.Message {
	return event.OrderStatusChanged.Message(id, event.OrderStatus{OrderID: id, Version: times})
}

// newStore returns a store as services have it: its client groups.
func newStore(t *testing.T) (*servicetest.Sidecar, document.Store[light]) {
	sidecar := servicetest.NewSidecar(servicetest.EmptyDatabase(t))
	return sidecar, document.NewStore[light](document.Grouping(sdkClient{fake: sidecar}), "lights", "light")
}

// anotherReplica returns a store on the same documents, for an interfering write.
func anotherReplica(sidecar *servicetest.Sidecar) document.Store[light] {
	return document.NewStore[light](sidecar, "lights", "light")
}

// sdkClient makes the fake an SDK client, of which a Store needs the state API only.
type sdkClient struct {
	dapr.Client
	fake *servicetest.Sidecar
}

func (c sdkClient) GetState(ctx context.Context, store, key string, meta map[string]string) (*dapr.StateItem, error) {
	return c.fake.GetState(ctx, store, key, meta)
}

func (c sdkClient) GetBulkState(ctx context.Context, store string, keys []string, meta map[string]string, n int32) ([]*dapr.BulkStateItem, error) {
	return c.fake.GetBulkState(ctx, store, keys, meta, n)
}

func (c sdkClient) ExecuteStateTransaction(ctx context.Context, store string, meta map[string]string, ops []*dapr.StateOperation) error {
	return c.fake.ExecuteStateTransaction(ctx, store, meta, ops)
}

func (c sdkClient) GetMetadata(context.Context) (*dapr.GetMetadataResponse, error) {
	return &dapr.GetMetadataResponse{RegisteredComponents: []*dapr.MetadataRegisteredComponents{{Capabilities: []string{"SEVERAL_EVENTS"}}}}, nil
}

func versions(t *testing.T, client *servicetest.Sidecar) []int {
	t.Helper()
	var versions []int
	for _, published := range servicetest.Events(t, client, "lights", event.OrderStatusChanged) {
		versions = append(versions, published.Version)
	}
	return versions
}

func TestCreateWritesTheDocumentAndItsEvent(t *testing.T) {
	client, lights := newStore(t)
	if err := lights.Create(t.Context(), "a", light{On: true, Secret: "hush"}, turned("a", 1)); err != nil {
		t.Fatal(err)
	}
	got, err := lights.Get(t.Context(), "a")
	if err != nil || got != (light{On: true, Secret: "hush"}) {
		t.Errorf("got document %+v, %v", got, err)
	}
	all := client.All()
	if len(all) != 1 || all[0].Component != "lights-order-status-changed" || all[0].Type != "order.status.changed.v1" ||
		all[0].Subject != "a" {
		t.Fatalf("got events %+v", all)
	}
	if data := string(all[0].Data); data != `{"orderId":"a","version":1,"customerId":"","status":"","at":"0001-01-01T00:00:00Z"}` {
		t.Errorf("got event data %s", data)
	}
}

func TestAWriteWithoutAMessagePublishesNothing(t *testing.T) {
	client, lights := newStore(t)
	if err := lights.Create(t.Context(), "a", light{}, event.NoMessage); err != nil {
		t.Fatal(err)
	}
	if _, err := lights.Change(t.Context(), "a", func(l *light) (event.Message, error) {
		l.On = true
		return event.NoMessage, nil
	}); err != nil || len(client.All()) != 0 {
		t.Errorf("got error %v and events %+v, want none", err, client.All())
	}
	if got, err := lights.Get(t.Context(), "a"); err != nil || !got.On {
		t.Errorf("got %+v, %v, want On", got, err)
	}
}

func TestAMissingDocumentIsNotFound(t *testing.T) {
	_, lights := newStore(t)
	if _, err := lights.Get(t.Context(), "a"); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("get: got error %v, want NotFound", err)
	}
	_, err := lights.Change(t.Context(), "a", func(*light) (event.Message, error) {
		t.Error("change was called for a missing document")
		return event.NoMessage, nil
	})
	if !fault.Is(err, fault.KindNotFound) {
		t.Errorf("change: got error %v, want NotFound", err)
	}
}

func TestCreateKeepsAnExistingDocument(t *testing.T) {
	client, lights := newStore(t)
	for i, want := range []error{nil, document.ErrExists} {
		if err := lights.Create(t.Context(), "a", light{Turned: i}, turned("a", i)); !errors.Is(err, want) {
			t.Errorf("create %d: got error %v, want %v", i, err, want)
		}
	}
	if got, err := lights.Get(t.Context(), "a"); err != nil || got.Turned != 0 || len(client.All()) != 1 {
		t.Errorf("got %+v, %v, %d events, want the first document and 1 event", got, err, len(client.All()))
	}
}

// Every one of several concurrent changes is written, and published once.
func TestConcurrentChangesAreAllWritten(t *testing.T) {
	client, lights := newStore(t)
	if err := lights.Create(t.Context(), "a", light{}, event.NoMessage); err != nil {
		t.Fatal(err)
	}
	const writers = 5 // fewer than Change's attempts, so that even the writer that loses every race succeeds
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			if _, err := lights.Change(t.Context(), "a", func(l *light) (event.Message, error) {
				l.Turned++
				return turned("a", l.Turned), nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got, err := lights.Get(t.Context(), "a")
	if published := versions(t, client); err != nil || got.Turned != writers || len(published) != writers ||
		published[writers-1] != writers {
		t.Errorf("got %+v, %v, events of versions %v, want %d changes and events", got, err, published, writers)
	}
}

func TestTheLoserOfARaceReadsTheWinnersDocument(t *testing.T) {
	client, lights := newStore(t)
	if err := lights.Create(t.Context(), "a", light{}, event.NoMessage); err != nil {
		t.Fatal(err)
	}
	turnOn := func(l *light) (event.Message, error) {
		if l.On {
			return event.NoMessage, document.ErrUnchanged
		}
		l.On = true
		l.Turned++
		return turned("a", l.Turned), nil
	}
	client.BeforeNextWrite(func() {
		if _, err := anotherReplica(client).Change(t.Context(), "a", turnOn); err != nil {
			t.Error(err)
		}
	})
	got, err := lights.Change(t.Context(), "a", turnOn)
	if err != nil || got != (light{On: true, Turned: 1}) || len(client.All()) != 1 {
		t.Errorf("got %+v, %v, %d events, want one change and one event", got, err, len(client.All()))
	}
}

// A write whose response was lost is neither written nor published a second time.
func TestAWriteWithALostResponseIsNotRepeated(t *testing.T) {
	client, lights := newStore(t)
	client.LoseNextAnswer()
	if err := lights.Create(t.Context(), "a", light{}, turned("a", 0)); !errors.Is(err, document.ErrExists) {
		t.Errorf("create: got error %v, want %v", err, document.ErrExists)
	}
	client.LoseNextAnswer()
	got, err := lights.Change(t.Context(), "a", func(l *light) (event.Message, error) {
		if l.On {
			return event.NoMessage, document.ErrUnchanged
		}
		l.On = true
		return turned("a", 1), nil
	})
	if published := versions(t, client); err != nil || !got.On || len(published) != 2 {
		t.Errorf("change: got %+v, %v, events of versions %v, want On and 2 events", got, err, published)
	}
}

func TestAFailedChangeWritesNothing(t *testing.T) {
	client, lights := newStore(t)
	if err := lights.Create(t.Context(), "a", light{}, event.NoMessage); err != nil {
		t.Fatal(err)
	}
	_, err := lights.Change(t.Context(), "a", func(l *light) (event.Message, error) {
		l.On = true
		return turned("a", 1), fault.Conflict("no")
	})
	if !fault.Is(err, fault.KindConflict) || len(client.All()) != 0 {
		t.Errorf("got error %v and %d events, want Conflict and none", err, len(client.All()))
	}
	if got, _ := lights.Get(t.Context(), "a"); got.On {
		t.Error("the failed change was written")
	}
}

func TestChangeGivesUpAfterTenLostRaces(t *testing.T) {
	client, lights := newStore(t)
	if err := lights.Create(t.Context(), "a", light{}, event.NoMessage); err != nil {
		t.Fatal(err)
	}
	var interfere func()
	interfere = func() {
		_, err := anotherReplica(client).Change(t.Context(), "a", func(l *light) (event.Message, error) { l.Turned++; return event.NoMessage, nil })
		if err != nil {
			t.Error(err)
		}
		client.BeforeNextWrite(interfere)
	}
	client.BeforeNextWrite(interfere)
	attempts := 0
	_, err := lights.Change(t.Context(), "a",
		func(l *light) (event.Message, error) { attempts++; l.On = true; return event.NoMessage, nil })
	if !fault.Is(err, fault.KindUnavailable) || attempts != 10 {
		t.Errorf("got error %v after %d attempts, want Unavailable after 10", err, attempts)
	}
}

func TestAnAbsentSidecarIsUnavailable(t *testing.T) {
	client, lights := newStore(t)
	if err := lights.Create(t.Context(), "a", light{}, event.NoMessage); err != nil {
		t.Fatal(err)
	}
	client.Away(true)
	_, get := lights.Get(t.Context(), "a")
	_, change := lights.Change(t.Context(), "a", func(*light) (event.Message, error) { return event.NoMessage, nil })
	create := lights.Create(t.Context(), "b", light{}, event.NoMessage)
	for name, err := range map[string]error{"get": get, "change": change, "create": create} {
		if !fault.Is(err, fault.KindUnavailable) || fault.From(err).RetryAfter == 0 {
			t.Errorf("%s: got error %v, want Unavailable with RetryAfter", name, err)
		}
	}
}

// refusing is a sidecar that reads but cannot write, like unmodified daprd while Kafka is away.
type refusing struct{ document.Client }

func (refusing) ExecuteStateTransaction(context.Context, string, map[string]string, []*dapr.StateOperation) error {
	return errors.New("rpc error: code = Internal desc = DAPR_PUBSUB_OUTBOX")
}

func TestARefusedWriteIsNotRetried(t *testing.T) {
	client, lights := newStore(t)
	if err := lights.Create(t.Context(), "a", light{}, event.NoMessage); err != nil {
		t.Fatal(err)
	}
	refused := document.NewStore[light](refusing{client}, "lights", "light")
	attempts := 0
	_, err := refused.Change(t.Context(), "a", func(*light) (event.Message, error) { attempts++; return event.NoMessage, nil })
	if !fault.Is(err, fault.KindUnavailable) || attempts != 1 {
		t.Errorf("change: got error %v after %d attempts, want Unavailable after 1", err, attempts)
	}
	if err := refused.Create(t.Context(), "b", light{}, event.NoMessage); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("create: got error %v, want Unavailable", err)
	}
}

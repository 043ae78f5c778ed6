package rows

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dapr/components-contrib/pubsub"
	"github.com/dapr/components-contrib/state"
	"github.com/dapr/dapr/pkg/apis/components/v1alpha1"
	"github.com/dapr/dapr/pkg/outbox"
	"github.com/dapr/kit/logger"
)

const (
	storeType    = "state.postgresql"
	storeVersion = "v2"

	// partitionKey is the metadata from which Dapr's Kafka component chooses the partition.
	partitionKey = "partitionKey"
)

var (
	log = logger.NewLogger("dapr.outbox")

	errNotPublished = errors.New("not published")

	// runningRelays counts the relays' goroutines in this process.
	runningRelays sync.WaitGroup
)

// Publisher publishes events to one topic. The runtime passes Dapr's own adapter, with its scopes and resiliency policies.
type Publisher func(ctx context.Context, request *pubsub.BulkPublishRequest) (pubsub.BulkPublishResponse, error)

// Options are what the engine needs from the runtime.
type Options struct {
	Publisher Publisher
	// Store returns a loaded state store by the name of its component.
	Store func(name string) (state.Store, bool)
}

// component is a state store with an outbox.
type component struct {
	to      destination
	table   string
	problem error  // why the engine refuses the component's transactions; usually nil
	relay   *relay // nil until SubscribeToInternalTopics has started the relays
}

// engine is the outbox. It adds events to transactions as rows, and owns the relays that publish them.
type engine struct {
	options Options

	lock       sync.RWMutex
	components map[string]component
	relays     map[string]*relay // by tableID
	// startRelay starts the relay of a component and returns the component with it. It is nil until the first call of
	// SubscribeToInternalTopics.
	startRelay func(name string, c component) component
}

var _ outbox.Outbox = (*engine)(nil)

// isInUse is set once the runtime has this engine as its outbox. A build of unmodified daprd contains this package, but does not use it.
var isInUse atomic.Bool

// IsInUse reports whether this engine is the outbox of the runtime. If it is, a transaction may have several documents with events.
func IsInUse() bool { return isInUse.Load() }

// New returns the engine. The engine does nothing until AddOrUpdateOutbox adds the first component.
func New(options Options) outbox.Outbox {
	isInUse.Store(true)
	return &engine{options: options, components: map[string]component{}, relays: map[string]*relay{}}
}

// AddOrUpdateOutbox records a state store that was loaded or reloaded, if its metadata asks for an outbox.
func (e *engine) AddOrUpdateOutbox(store v1alpha1.Component) {
	c := component{table: "state"}
	for _, item := range store.Spec.Metadata {
		switch {
		case item.Name == "outboxPublishPubsub":
			c.to.pubsub = item.Value.String()
		case item.Name == "outboxPublishTopic":
			c.to.topic = item.Value.String()
		case strings.EqualFold(item.Name, "tablePrefix"):
			c.table = item.Value.String() + "state"
		}
	}
	if c.to.pubsub == "" || c.to.topic == "" {
		return
	}
	if store.Spec.Type != storeType || store.Spec.Version != storeVersion {
		c.problem = fmt.Errorf("component %s: the outbox needs %s %s and the component is %s %s, change its type and version",
			store.Name, storeType, storeVersion, store.Spec.Type, store.Spec.Version)
		log.Error(c.problem)
	}
	e.lock.Lock()
	defer e.lock.Unlock()
	if e.startRelay != nil {
		c = e.startRelay(store.Name, c)
	}
	e.components[store.Name] = c
}

// Enabled reports whether the store has an outbox.
func (e *engine) Enabled(store string) bool {
	e.lock.RLock()
	defer e.lock.RUnlock()
	_, ok := e.components[store]
	return ok
}

// PublishInternal publishes nothing: it adds the events to the transaction as rows. The caller commits or aborts the
// transaction and then ends the request's context, which notifies the relay. An aborted transaction therefore costs one
// query that finds nothing.
func (e *engine) PublishInternal(ctx context.Context, store string, operations []state.TransactionalStateOperation, source, traceID, traceState string) ([]state.TransactionalStateOperation, error) {
	e.lock.RLock()
	c, ok := e.components[store]
	e.lock.RUnlock()
	if !ok {
		return nil, fmt.Errorf("state store %s has no outbox", store)
	}
	if c.problem != nil {
		return nil, c.problem
	}
	withEvents, err := addEventRows(c.to, operations, origin{source: source, traceID: traceID, traceState: traceState})
	if err != nil {
		return nil, fmt.Errorf("add the events for topic %s to the transaction: %w", c.to.topic, err)
	}
	if c.relay != nil {
		context.AfterFunc(ctx, c.relay.notify)
	}
	return withEvents, nil
}

// SubscribeToInternalTopics starts one relay for each table, however many components write to it. Dapr calls it whenever the
// app becomes healthy. Only the first call has an effect: committed events are published whether or not the app is healthy.
func (e *engine) SubscribeToInternalTopics(ctx context.Context, appID string) error {
	e.lock.Lock()
	defer e.lock.Unlock()
	if e.startRelay != nil {
		return nil
	}
	e.startRelay = func(name string, c component) component {
		if c.problem == nil {
			c.relay, c.problem = e.findOrStartRelay(ctx, appID, name, c.table)
		}
		return c
	}
	var problems []error
	for name, c := range e.components {
		e.components[name] = e.startRelay(name, c)
		problems = append(problems, e.components[name].problem)
	}
	return errors.Join(problems...)
}

// findOrStartRelay returns the relay of the component's table and starts it if there is none.
func (e *engine) findOrStartRelay(ctx context.Context, appID, store, name string) (*relay, error) {
	loaded, ok := e.options.Store(store)
	if !ok {
		return nil, fmt.Errorf("state store %s is not loaded, check its component", store)
	}
	database, ok := loaded.(interface{ GetDB() *pgxpool.Pool })
	if !ok {
		return nil, fmt.Errorf("state store %s has no GetDB method: it is not the expected %s %s", store, storeType, storeVersion)
	}
	config := database.GetDB().Config()
	id := tableID(config, name)
	if r := e.relays[id]; r != nil {
		return r, nil
	}
	table, err := openTable(ctx, config, name)
	if err != nil {
		return nil, fmt.Errorf("state store %s: %w", store, err)
	}
	r := newRelay(table, e.options.Publisher, newTableMetrics(appID, name))
	e.relays[id] = r
	runningRelays.Go(func() { r.run(ctx) })
	runningRelays.Go(func() { r.prepareTable(ctx) })
	return r, nil
}

// Wait returns when every relay has stopped, or after grace. Call it when the relays' contexts are done.
func Wait(grace time.Duration) {
	stopped := make(chan struct{})
	go func() {
		runningRelays.Wait()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-time.After(grace):
		log.Warn("the sidecar stops before the relay has finished its page: the events it just published will be published again")
	}
}

package rows

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
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

	// partitionKey is the metadata by which Dapr's Kafka component chooses the partition.
	partitionKey = "partitionKey"
)

var (
	log = logger.NewLogger("dapr.outbox")

	errNotPublished = errors.New("not published")

	// running counts the relays of this process.
	running sync.WaitGroup
)

// Publisher sends events of one topic; Dapr's own adapter does it, with its scopes and resiliency policies.
type Publisher func(ctx context.Context, request *pubsub.BulkPublishRequest) (pubsub.BulkPublishResponse, error)

// Options are what the runtime lends the engine.
type Options struct {
	Publisher Publisher
	// Store returns a loaded state store by its component's name.
	Store func(name string) (state.Store, bool)
}

// component is a state store whose transactions announce events.
type component struct {
	to      destination
	table   string
	problem error
	relay   *relay
}

type engine struct {
	options Options

	lock       sync.RWMutex
	components map[string]component
	relays     map[string]*relay // by identity of the table
	start      func(name string, c component) component
}

var _ outbox.Outbox = (*engine)(nil)

// New returns the engine; it does nothing before the first component is added.
func New(options Options) outbox.Outbox {
	return &engine{options: options, components: map[string]component{}, relays: map[string]*relay{}}
}

// AddOrUpdateOutbox takes note of a state store that is loaded, or loaded anew.
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
		c.problem = fmt.Errorf("%s: this runtime keeps its outbox in %s %s, not in %s %s", store.Name, storeType, storeVersion, store.Spec.Type, store.Spec.Version)
		log.Error(c.problem)
	}
	e.lock.Lock()
	defer e.lock.Unlock()
	if e.start != nil {
		c = e.start(store.Name, c)
	}
	e.components[store.Name] = c
}

// Enabled reports whether transactions on the store announce events.
func (e *engine) Enabled(store string) bool {
	e.lock.RLock()
	defer e.lock.RUnlock()
	_, ok := e.components[store]
	return ok
}

// PublishInternal publishes nothing: it adds the events to the transaction, as rows. What calls it commits, or not, and
// then ends the request, and with it the request's context: that is the sign to look at the table. An aborted transaction
// so costs one look that finds nothing.
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
	announced, err := announce(c.to, operations, origin{source: source, traceID: traceID, traceState: traceState})
	if err != nil {
		return nil, fmt.Errorf("announcing on topic %s: %w", c.to.topic, err)
	}
	if c.relay != nil {
		context.AfterFunc(ctx, c.relay.ring)
	}
	return announced, nil
}

// SubscribeToInternalTopics starts the relays: one for each table, however many components write to it. Dapr calls it
// whenever the app becomes healthy; only the first call counts, for what is committed is published whether the app is
// well or not.
func (e *engine) SubscribeToInternalTopics(ctx context.Context, appID string) error {
	e.lock.Lock()
	defer e.lock.Unlock()
	if e.start != nil {
		return nil
	}
	e.start = func(name string, c component) component {
		if c.problem == nil {
			c.relay, c.problem = e.relayFor(ctx, appID, name, c.table)
		}
		return c
	}
	var problems []error
	for name, c := range e.components {
		e.components[name] = e.start(name, c)
		problems = append(problems, e.components[name].problem)
	}
	return errors.Join(problems...)
}

// relayFor returns the relay of the component's table, and starts the one that is missing.
func (e *engine) relayFor(ctx context.Context, appID, store, name string) (*relay, error) {
	loaded, ok := e.options.Store(store)
	if !ok {
		return nil, fmt.Errorf("state store %s is not loaded", store)
	}
	database, ok := loaded.(interface{ GetDB() *pgxpool.Pool })
	if !ok {
		return nil, fmt.Errorf("state store %s does not show its database", store)
	}
	config := database.GetDB().Config()
	id := identity(config, name)
	if r := e.relays[id]; r != nil {
		return r, nil
	}
	table, err := openTable(ctx, config, name)
	if err != nil {
		return nil, fmt.Errorf("state store %s: %w", store, err)
	}
	r := newRelay(table, e.options.Publisher, metricsOf(appID, name))
	e.relays[id] = r
	running.Go(func() { r.run(ctx) })
	running.Go(func() { r.index(ctx) })
	return r, nil
}

// Wait returns when every relay has ended, their contexts having ended before, or after the grace.
func Wait(grace time.Duration) {
	ended := make(chan struct{})
	go func() {
		running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(grace):
		log.Warn("ending with a batch under way: what it published will be published again")
	}
}

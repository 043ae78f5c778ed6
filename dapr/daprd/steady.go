package main

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/dapr/components-contrib/pubsub"
	"github.com/dapr/components-contrib/pubsub/kafka"
	"github.com/dapr/kit/logger"
	kitstrings "github.com/dapr/kit/strings"

	"comanda/dapr/daprd/groups"
)

// groupedKey is a key in the metadata of a subscription. If it is true, the app accepts groups of events (package groups). Unmodified daprd
// ignores it and delivers each event by itself.
const groupedKey = "grouped"

// steadyPubSub is Kafka's pub/sub component with consumers that always come back (docs/decisions/0008). Dapr subscribes when
// its app becomes healthy, and unsubscribes when the app becomes unhealthy. Kafka's component may handle the two in the
// wrong order, so a short interruption can leave a topic without a subscription. Here a subscription only sets the listener
// of a topic:
//
//   - While the app is unhealthy for a short time, the sidecar stays in its consumer group and events wait.
//   - When no topic has had a listener for absenceLimit, the sidecar leaves the group, and other replicas take over its
//     partitions. It joins again when the app is healthy again.
//   - At shutdown it leaves at once and sends LeaveGroup.
//
// The embedded component only publishes. Each membership of the group is a consumer of its own, because Kafka's component
// cannot leave its group without being closed.
type steadyPubSub struct {
	*kafka.PubSub
	log  logger.Logger
	join joinFunc

	stop    context.CancelFunc
	stopped chan struct{} // closed when maintainMembership has returned

	mu      sync.Mutex
	topics  map[string]*topic
	changed chan struct{} // closed and replaced when topics or a listener changes
	current membership    // nil while not in the group
}

// joinFunc joins the consumer group for the requested topics.
type joinFunc func(ctx context.Context, requests []pubsub.SubscribeRequest, deliver pubsub.Handler) (membership, error)

// membership is one membership of the consumer group.
type membership interface {
	Pause(ctx context.Context) error
	Resume(ctx context.Context) error
	Close() error // leaves the group
}

// topic holds Dapr's last subscribe request for a topic and the listener that gets its events.
type topic struct {
	request  pubsub.SubscribeRequest
	listener *listener // nil while there is none
}

// listener is one subscription of Dapr's. It ends with ctx.
type listener struct {
	ctx    context.Context
	handle pubsub.Handler
}

const (
	// absenceLimit is how long all topics may be without a listener before the sidecar leaves its group. Dapr takes 3 s to report an app
	// as unhealthy, so the partitions stand still for 8 s: a little longer than after the kill of a sidecar, which takes 6 s. A service
	// that restarts, or whose database restarts, is healthy again by then, and causes no rebalance.
	absenceLimit = 5 * time.Second
	// joinDelay lets Dapr subscribe all topics of the app before the sidecar joins, so that it joins once.
	joinDelay = 50 * time.Millisecond
	// joinRetryInterval is the pause after a failed attempt to join.
	joinRetryInterval = time.Second
)

func newKafka(log logger.Logger) pubsub.PubSub {
	component := kafka.NewKafka(log)
	plain, ok := component.(*kafka.PubSub)
	if !ok { // never, with the pinned version
		return component
	}
	s := newSteadyPubSub(log)
	s.PubSub = plain
	return s
}

// newSteadyPubSub starts maintainMembership, which Close stops.
func newSteadyPubSub(log logger.Logger) *steadyPubSub {
	ctx, stop := context.WithCancel(context.Background())
	s := &steadyPubSub{log: log, stopped: make(chan struct{}), stop: stop, topics: map[string]*topic{}, changed: make(chan struct{})}
	go func() {
		defer close(s.stopped)
		s.maintainMembership(ctx)
	}()
	return s
}

// Init waits for the broker and connects the component that publishes, with brokerLimits. Consumers join later, without them.
func (s *steadyPubSub) Init(ctx context.Context, metadata pubsub.Metadata) error {
	properties := maps.Clone(metadata.Properties) // the component changes the original
	metadata.Properties = maps.Clone(metadata.Properties)
	setBrokerLimits(metadata.Properties)
	s.mu.Lock()
	s.join = kafkaJoiner(s.log, properties)
	s.mu.Unlock()
	return waitForServer(ctx, s.log, broker, metadata.Name, func() error { return s.PubSub.Init(ctx, metadata) })
}

// Subscribe passes the topic's events to handler until ctx is done or the topic is subscribed again.
func (s *steadyPubSub) Subscribe(ctx context.Context, request pubsub.SubscribeRequest, handler pubsub.Handler) error {
	mine := &listener{ctx: ctx, handle: handler}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.topics[request.Topic] = &topic{request: request, listener: mine}
	s.notifyChange()
	context.AfterFunc(ctx, func() { s.unsubscribe(request.Topic, mine) })
	return nil
}

// unsubscribe removes a listener from its topic. It removes the topic only at shutdown.
func (s *steadyPubSub) unsubscribe(name string, mine *listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[name]
	if t == nil || t.listener != mine {
		return
	}
	t.listener = nil
	if errors.Is(context.Cause(mine.ctx), pubsub.ErrGracefulShutdown) {
		delete(s.topics, name)
	}
	s.notifyChange()
}

// notifyChange wakes every goroutine that waits for a change. The caller holds s.mu.
func (s *steadyPubSub) notifyChange() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Pause stops fetching events. It is the first thing that Dapr calls at shutdown.
func (s *steadyPubSub) Pause(ctx context.Context) error {
	if m := s.currentMembership(); m != nil {
		return m.Pause(ctx)
	}
	return nil
}

// Resume starts fetching events again.
func (s *steadyPubSub) Resume(ctx context.Context) error {
	if m := s.currentMembership(); m != nil {
		return m.Resume(ctx)
	}
	return nil
}

func (s *steadyPubSub) currentMembership() membership {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Close leaves the group and then closes the component that publishes.
func (s *steadyPubSub) Close() error {
	s.stop()
	<-s.stopped
	return s.PubSub.Close()
}

// deliver passes an event to the listener of its topic, if the app acts on the event, and bounds its headers. If the listener fails because
// it has ended, the next listener gets the event.
func (s *steadyPubSub) deliver(ctx context.Context, message *pubsub.NewMessage) error {
	if request, ok := s.requestOf(message.Topic); ok {
		if !isWanted(request, message.Data) {
			return nil
		}
		if kitstrings.IsTruthy(request.Metadata[groupedKey]) {
			ctx = groups.WithFirstTry(ctx)
		}
	}
	boundHeaders(message)
	for {
		l, err := s.awaitTopicListener(ctx, message.Topic)
		if err != nil {
			return err
		}
		if err := l.handleEvent(ctx, message); err == nil || l.ctx.Err() == nil {
			return err
		}
		s.unsubscribe(message.Topic, l)
	}
}

// requestOf returns Dapr's last subscribe request for a topic.
func (s *steadyPubSub) requestOf(name string) (request pubsub.SubscribeRequest, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topics[name]
	if t == nil {
		return request, false
	}
	return t.request, true
}

// handleEvent handles an event until ctx is done or the listener ends. Once Dapr stops a subscription, the subscription keeps a new event
// unhandled until the context of that event ends; so handleEvent ends that context together with the listener.
func (l *listener) handleEvent(ctx context.Context, message *pubsub.NewMessage) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	return l.handle(ctx, message)
}

// awaitTopicListener waits until the topic has a listener. If ctx is done first, another consumer gets the event.
func (s *steadyPubSub) awaitTopicListener(ctx context.Context, name string) (*listener, error) {
	for {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s.mu.Lock()
		t, changed := s.topics[name], s.changed
		s.mu.Unlock()
		if t != nil && t.listener != nil {
			return t.listener, nil
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

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
)

// steady is Kafka's pub/sub with consumers that always come back (docs/decisions/0008). Dapr subscribes when its app
// becomes healthy, and unsubscribes when it becomes unhealthy. Kafka's component acts on the two in any order, so that a
// short bad moment can leave a topic without a subscription. Here subscribing only names the listener of a topic:
//
//   - While the app is unhealthy for a short time, the sidecar stays in its consumer group and events wait.
//   - When no topic has had a listener for the time absence, the sidecar leaves the group, and other replicas take its
//     partitions over. It joins again when the app is back.
//   - At shutdown it leaves at once, and in good order.
//
// The embedded component only publishes. Each membership of the group is a consumer of its own, because Kafka's component
// cannot leave its group without being closed.
type steady struct {
	*kafka.PubSub
	log  logger.Logger
	join func(ctx context.Context, requests []pubsub.SubscribeRequest, deliver pubsub.Handler) (member, error)

	ended chan struct{} // closed when keep has returned
	stop  context.CancelFunc

	mu      sync.Mutex
	topics  map[string]*topic
	changed chan struct{} // closed, and replaced, when topics or a listener changes
	current member        // nil while not in the group
}

// member is one membership of the consumer group.
type member interface {
	Pause(ctx context.Context) error
	Resume(ctx context.Context) error
	Close() error // leaves the group
}

// topic is what Dapr asked for last, and who hears its events.
type topic struct {
	request  pubsub.SubscribeRequest
	listener *listener // nil while there is none
}

type listener struct {
	ctx    context.Context
	handle pubsub.Handler
}

const (
	// absence is how long the app may be away until the sidecar leaves its group. Dapr needs 3 s to call an app unhealthy,
	// so together it is a little more than the 6 s that the partitions of a killed sidecar stand still. A service that is
	// restarted or whose database restarts is back by then, and causes no rebalance.
	absence = 5 * time.Second
	// settling lets Dapr subscribe all topics of the app before the sidecar joins, so that it joins once.
	settling = 50 * time.Millisecond
	// rejoinPause is between two attempts to join that failed.
	rejoinPause = time.Second
)

func newKafka(log logger.Logger) pubsub.PubSub {
	component := kafka.NewKafka(log)
	plain, ok := component.(*kafka.PubSub)
	if !ok { // never, with the pinned version
		return component
	}
	s := newSteady(log)
	s.PubSub = plain
	return s
}

func newSteady(log logger.Logger) *steady {
	ctx, stop := context.WithCancel(context.Background())
	s := &steady{log: log, ended: make(chan struct{}), stop: stop, topics: map[string]*topic{}, changed: make(chan struct{})}
	go func() {
		defer close(s.ended)
		s.keep(ctx)
	}()
	return s
}

// Init connects to the broker, and waits for one that is not there yet.
func (s *steady) Init(ctx context.Context, metadata pubsub.Metadata) error {
	properties := maps.Clone(metadata.Properties) // the component changes its own
	s.mu.Lock()
	s.join = joinKafka(s.log, properties)
	s.mu.Unlock()
	return waitFor(ctx, s.log, broker, metadata.Name, func() error { return s.PubSub.Init(ctx, metadata) })
}

// Subscribe lets handler have the topic's events until ctx is done, or the topic is subscribed again.
func (s *steady) Subscribe(ctx context.Context, request pubsub.SubscribeRequest, handler pubsub.Handler) error {
	mine := &listener{ctx: ctx, handle: handler}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.topics[request.Topic] = &topic{request: request, listener: mine}
	s.signal()
	context.AfterFunc(ctx, func() { s.unsubscribe(request.Topic, mine) })
	return nil
}

// unsubscribe ends one subscription. The topic itself ends only at shutdown.
func (s *steady) unsubscribe(name string, mine *listener) {
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
	s.signal()
}

// signal wakes all that wait for a change; s.mu is held.
func (s *steady) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Pause is the first thing that Dapr does at shutdown: no new events are fetched.
func (s *steady) Pause(ctx context.Context) error {
	if m := s.membership(); m != nil {
		return m.Pause(ctx)
	}
	return nil
}

// Resume fetches events again.
func (s *steady) Resume(ctx context.Context) error {
	if m := s.membership(); m != nil {
		return m.Resume(ctx)
	}
	return nil
}

func (s *steady) membership() member {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Close leaves the group, and then ends publishing.
func (s *steady) Close() error {
	s.stop()
	<-s.ended
	return s.PubSub.Close()
}

// deliver gives an event to the listener of its topic. One that fails because its listener left is for the next.
func (s *steady) deliver(ctx context.Context, message *pubsub.NewMessage) error {
	for {
		l, err := s.listener(ctx, message.Topic)
		if err != nil {
			return err
		}
		if err := l.take(ctx, message); err == nil || l.ctx.Err() == nil {
			return err
		}
		s.unsubscribe(message.Topic, l)
	}
}

// take handles an event until ctx is done or the listener leaves. A listener that is leaving takes no events any more, but
// holds them until its context ends.
func (l *listener) take(ctx context.Context, message *pubsub.NewMessage) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	return l.handle(ctx, message)
}

// listener waits until the topic has one, or ctx is done: then the event is another consumer's.
func (s *steady) listener(ctx context.Context, name string) (*listener, error) {
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

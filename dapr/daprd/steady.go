package main

import (
	"context"
	"errors"
	"sync"

	"github.com/dapr/components-contrib/pubsub"
	"github.com/dapr/components-contrib/pubsub/kafka"
	"github.com/dapr/kit/logger"
)

// steady is Kafka's pub/sub with subscriptions that outlive an app's bad moments. While an app is unhealthy Dapr ends its
// subscriptions, and makes them anew when it is well again. Kafka's component unsubscribes some time after it was told to,
// without a look at who subscribed meanwhile: after a short bad moment, with an event under way, a topic could be taken
// from its new subscription, and nothing of it be heard again. Here the component is subscribed once and for all, and an
// event that comes while nobody listens waits for who does.
type steady struct {
	*kafka.PubSub
	subscribe func(context.Context, pubsub.SubscribeRequest, pubsub.Handler) error // the component's own

	mu     sync.Mutex
	topics map[string]*topic
}

func newKafka(log logger.Logger) pubsub.PubSub {
	component := kafka.NewKafka(log)
	plain, ok := component.(*kafka.PubSub)
	if !ok { // never, with the pinned version
		return component
	}
	return &steady{PubSub: plain, subscribe: plain.Subscribe, topics: map[string]*topic{}}
}

// Subscribe lets handler have the topic's events until ctx is done, or somebody else subscribes.
func (s *steady) Subscribe(ctx context.Context, req pubsub.SubscribeRequest, handler pubsub.Handler) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := &listener{ctx: ctx, handle: handler}
	t, known := s.topics[req.Topic]
	if !known {
		t = &topic{changed: make(chan struct{})}
		lasting, end := context.WithCancelCause(context.WithoutCancel(ctx))
		t.end = end
		if err := s.subscribe(lasting, req, t.deliver); err != nil {
			end(err)
			return err
		}
		s.topics[req.Topic] = t
	}
	t.listen(mine)
	context.AfterFunc(ctx, func() { s.leave(req.Topic, t, mine) })
	return nil
}

// leave ends one subscription; at shutdown the component's own as well, with the same cause, so that it leaves in order.
func (s *steady) leave(name string, t *topic, mine *listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.ignore(mine)
	if cause := context.Cause(mine.ctx); errors.Is(cause, pubsub.ErrGracefulShutdown) {
		t.end(cause)
		if s.topics[name] == t {
			delete(s.topics, name)
		}
	}
}

// topic passes the events of one topic on.
type topic struct {
	end context.CancelCauseFunc

	mu      sync.Mutex
	current *listener     // nil while nobody listens
	changed chan struct{} // closed when current changes
}

type listener struct {
	ctx    context.Context
	handle pubsub.Handler
}

func (t *topic) listen(l *listener) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.current = l
	close(t.changed)
	t.changed = make(chan struct{})
}

func (t *topic) ignore(l *listener) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current == l {
		t.current = nil
	}
}

// deliver gives an event to who listens. One that fails because its listener left meanwhile is for the next.
func (t *topic) deliver(ctx context.Context, message *pubsub.NewMessage) error {
	for {
		l, err := t.listener(ctx)
		if err != nil {
			return err
		}
		if err := l.take(ctx, message); err == nil || l.ctx.Err() == nil {
			return err
		}
		t.ignore(l)
	}
}

// take handles an event, until ctx is done or the listener leaves: one that is leaving takes no events any more, but holds
// them until it is told that it is over.
func (l *listener) take(ctx context.Context, message *pubsub.NewMessage) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()
	return l.handle(ctx, message)
}

// listener waits until somebody listens, or ctx is done: then the event is another consumer's.
func (t *topic) listener(ctx context.Context) (*listener, error) {
	for {
		t.mu.Lock()
		current, changed := t.current, t.changed
		t.mu.Unlock()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if current != nil {
			return current, nil
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
}

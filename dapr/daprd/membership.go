package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dapr/components-contrib/common/component/kafka"
	"github.com/dapr/components-contrib/pubsub"
	"github.com/dapr/kit/logger"
)

// maintainMembership joins the consumer group when a topic gets a listener, and leaves it when no topic has had one for absenceLimit, or
// at a shutdown. When a topic is added, it leaves the group and joins it again with all topics.
func (s *steadyPubSub) maintainMembership(ctx context.Context) {
	left := false
	for s.awaitListener(ctx) {
		requests := s.subscribeRequests()
		m, err := s.join(ctx, requests, s.deliver)
		if err != nil {
			s.log.Warnf("cannot join the consumer group, trying again in %s: %v", joinRetryInterval, err)
			sleep(ctx, joinRetryInterval)
			continue
		}
		s.setMembership(m)
		if left {
			s.log.Info("the app is healthy again: joined the consumer group")
		}
		left = s.awaitMembershipEnd(ctx, requests)
		if left {
			s.log.Warnf("the app has been unhealthy for more than %s: leaving the consumer group until it is healthy again, "+
				"so that other replicas get its partitions", absenceLimit)
		}
		s.setMembership(nil)
		if err := m.Close(); err != nil {
			s.log.Warnf("could not leave the consumer group cleanly, its session will time out: %v", err)
		}
	}
}

// sleep returns after d, or when ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (s *steadyPubSub) setMembership(m membership) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = m
}

// subscribeRequests returns the request of every topic.
func (s *steadyPubSub) subscribeRequests() (requests []pubsub.SubscribeRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.topics {
		requests = append(requests, t.request)
	}
	return requests
}

// countListeners returns how many topics there are, how many have a listener, and a channel that is closed when that
// changes.
func (s *steadyPubSub) countListeners() (topics, listening int, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.topics {
		if t.listener != nil {
			listening++
		}
	}
	return len(s.topics), listening, s.changed
}

// awaitListener waits until a topic has a listener, and then for joinDelay, so that the other topics can get theirs. It returns false
// when ctx is done.
func (s *steadyPubSub) awaitListener(ctx context.Context) bool {
	for ctx.Err() == nil {
		_, listening, changed := s.countListeners()
		if listening > 0 {
			sleep(ctx, joinDelay)
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
	return false
}

// awaitMembershipEnd waits until the membership has to end. It returns true if the app is away, and false at a shutdown or if a topic was
// subscribed that the membership does not have.
func (s *steadyPubSub) awaitMembershipEnd(ctx context.Context, joined []pubsub.SubscribeRequest) bool {
	var away <-chan time.Time // nil while there is a listener
	for {
		topics, listening, changed := s.countListeners()
		switch {
		case topics == 0 || s.hasTopicBeyond(joined):
			return false
		case listening > 0:
			away = nil
		case away == nil:
			away = time.After(absenceLimit)
		}
		select {
		case <-ctx.Done():
			return false
		case <-changed:
		case <-away:
			return true
		}
	}
}

// hasTopicBeyond reports whether the subscriptions have a topic that joined does not have.
func (s *steadyPubSub) hasTopicBeyond(joined []pubsub.SubscribeRequest) bool {
	known := map[string]bool{}
	for _, request := range joined {
		known[request.Topic] = true
	}
	for _, request := range s.subscribeRequests() {
		if !known[request.Topic] {
			return true
		}
	}
	return false
}

// kafkaJoiner returns the function that joins the group with a new consumer that has the component's own settings.
func kafkaJoiner(log logger.Logger, properties map[string]string) joinFunc {
	return func(ctx context.Context, requests []pubsub.SubscribeRequest, deliver pubsub.Handler) (membership, error) {
		topics := map[kafka.SchemaType][]string{}
		for _, request := range requests {
			schema, err := kafka.GetValueSchemaType(request.Metadata)
			if err != nil {
				return nil, fmt.Errorf("topic %s: %w", request.Topic, err)
			}
			topics[schema] = append(topics[schema], request.Topic)
		}
		consumer := kafka.NewKafka(log)
		consumer.DefaultConsumeRetryEnabled = true // as in the pub/sub component
		if err := consumer.Init(ctx, properties); err != nil {
			return nil, err
		}
		handle := func(ctx context.Context, event *kafka.NewEvent) error {
			return deliver(ctx, &pubsub.NewMessage{Topic: event.Topic, Data: event.Data, Metadata: event.Metadata, ContentType: event.ContentType})
		}
		for schema, names := range topics { // the membership outlives ctx; closing the consumer ends it
			consumer.Subscribe(context.WithoutCancel(ctx), kafka.SubscriptionHandlerConfig{Handler: handle, ValueSchemaType: schema}, names...)
		}
		return consumer, nil
	}
}

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/dapr/components-contrib/common/component/kafka"
	"github.com/dapr/components-contrib/pubsub"
	"github.com/dapr/kit/logger"
)

// keep joins the consumer group when a topic gets a listener, and leaves it when none has had one for a while.
func (s *steady) keep(ctx context.Context) {
	left := false
	for s.awaitListener(ctx) {
		requests := s.requests()
		m, err := s.join(ctx, requests, s.deliver)
		if err != nil {
			s.log.Warnf("cannot join the consumer group, trying again in %s: %v", rejoinPause, err)
			pause(ctx, rejoinPause)
			continue
		}
		s.setMembership(m)
		if left {
			s.log.Info("the app is back: joined the consumer group again")
		}
		left = s.awaitAbsence(ctx, requests)
		if left {
			s.log.Warnf("the app has been away for %s more after it became unhealthy: leaving the consumer group until it is back, so that other replicas have its partitions", absence)
		}
		s.setMembership(nil)
		if err := m.Close(); err != nil {
			s.log.Warnf("leaving the consumer group: %v", err)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (s *steady) setMembership(m member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = m
}

// requests returns what is to be subscribed.
func (s *steady) requests() (all []pubsub.SubscribeRequest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.topics {
		all = append(all, t.request)
	}
	return all
}

// look returns how many topics there are, how many have a listener, and a channel that is closed when that changes.
func (s *steady) look() (topics, listening int, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.topics {
		if t.listener != nil {
			listening++
		}
	}
	return len(s.topics), listening, s.changed
}

// awaitListener returns true when a topic has a listener and the others had time to get theirs, false when ctx is done.
func (s *steady) awaitListener(ctx context.Context) bool {
	for ctx.Err() == nil {
		_, listening, changed := s.look()
		if listening > 0 {
			pause(ctx, settling)
			return ctx.Err() == nil
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
	}
	return false
}

// awaitAbsence returns when the membership has to end: true because the app is away, false because of a shutdown or of a
// topic that is not among the joined ones.
func (s *steady) awaitAbsence(ctx context.Context, joined []pubsub.SubscribeRequest) bool {
	var away <-chan time.Time // nil while there is a listener
	for {
		topics, listening, changed := s.look()
		switch {
		case topics == 0 || s.hasMoreThan(joined):
			return false
		case listening > 0:
			away = nil
		case away == nil:
			away = time.After(absence)
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

func (s *steady) hasMoreThan(joined []pubsub.SubscribeRequest) bool {
	known := map[string]bool{}
	for _, request := range joined {
		known[request.Topic] = true
	}
	for _, request := range s.requests() {
		if !known[request.Topic] {
			return true
		}
	}
	return false
}

// joinKafka returns the function that joins the group, as a consumer with the component's own settings.
func joinKafka(log logger.Logger, properties map[string]string) func(context.Context, []pubsub.SubscribeRequest, pubsub.Handler) (member, error) {
	return func(ctx context.Context, requests []pubsub.SubscribeRequest, deliver pubsub.Handler) (member, error) {
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
		for schema, names := range topics {
			consumer.Subscribe(context.WithoutCancel(ctx), kafka.SubscriptionHandlerConfig{Handler: handle, ValueSchemaType: schema}, names...)
		}
		return consumer, nil
	}
}

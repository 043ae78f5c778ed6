package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dapr/components-contrib/pubsub"
)

// component stands in for Kafka's: it remembers who subscribed, and with what.
type component struct {
	subscribed int
	ctx        context.Context
	deliver    pubsub.Handler
}

func newSteady() (*steady, *component) {
	c := &component{}
	return &steady{topics: map[string]*topic{}, subscribe: func(ctx context.Context, _ pubsub.SubscribeRequest, h pubsub.Handler) error {
		c.subscribed++
		c.ctx, c.deliver = ctx, h
		return nil
	}}, c
}

func subscribe(t *testing.T, s *steady, heard chan string, name string, fail error) context.CancelCauseFunc {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	err := s.Subscribe(ctx, pubsub.SubscribeRequest{Topic: "orders"}, func(context.Context, *pubsub.NewMessage) error {
		heard <- name
		if fail != nil {
			cancel(nil) // as when the app became unhealthy while it had the event
		}
		return fail
	})
	if err != nil {
		t.Fatal(err)
	}
	return cancel
}

// However a subscription's end and the next one's beginning fall together, the events go to the next.
func TestAnEventWaitsForTheNextListener(t *testing.T) {
	s, c := newSteady()
	heard := make(chan string, 9)
	subscribe(t, s, heard, "first", nil)(nil)
	done := make(chan error, 1)
	go func() { done <- c.deliver(t.Context(), &pubsub.NewMessage{}) }()
	subscribe(t, s, heard, "second", nil)
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("nobody heard the event")
	}
	if c.subscribed != 1 || c.ctx.Err() != nil {
		t.Errorf("the component was subscribed %d times, and its context says %v", c.subscribed, c.ctx.Err())
	}
}

func TestAnEventThatFailedWithItsListenerIsForTheNext(t *testing.T) {
	s, c := newSteady()
	heard := make(chan string, 9)
	subscribe(t, s, heard, "first", errors.New("the app is gone"))
	done := make(chan error, 1)
	go func() { done <- c.deliver(t.Context(), &pubsub.NewMessage{}) }()
	if got := <-heard; got != "first" {
		t.Fatal(got)
	}
	subscribe(t, s, heard, "second", nil)
	if err := <-done; err != nil || <-heard != "second" {
		t.Errorf("the event ended with %v", err)
	}
}

// Dapr's own subscription does so while it is being stopped: it holds what comes until its context ends.
func TestAnEventThatIsHeldIsForTheNext(t *testing.T) {
	s, c := newSteady()
	ctx, leave := context.WithCancel(t.Context())
	held := make(chan bool, 1)
	err := s.Subscribe(ctx, pubsub.SubscribeRequest{Topic: "orders"}, func(ctx context.Context, _ *pubsub.NewMessage) error {
		held <- true
		<-ctx.Done()
		return ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.deliver(t.Context(), &pubsub.NewMessage{}) }()
	<-held
	leave()
	heard := make(chan string, 9)
	subscribe(t, s, heard, "second", nil)
	select {
	case err := <-done:
		if err != nil || <-heard != "second" {
			t.Errorf("the event ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the event is still held")
	}
}

func TestTheEndOfTheSessionEndsTheWait(t *testing.T) {
	s, c := newSteady()
	subscribe(t, s, make(chan string, 9), "first", nil)(nil)
	session, end := context.WithCancel(t.Context())
	end()
	if err := c.deliver(session, &pubsub.NewMessage{}); !errors.Is(err, context.Canceled) && err != nil {
		t.Errorf("got %v", err)
	}
}

func TestShutdownEndsTheComponentsSubscription(t *testing.T) {
	s, c := newSteady()
	subscribe(t, s, make(chan string, 9), "first", nil)(pubsub.ErrGracefulShutdown)
	select {
	case <-c.ctx.Done():
	case <-time.After(5 * time.Second):
		t.Fatal("the component was not told")
	}
	if cause := context.Cause(c.ctx); !errors.Is(cause, pubsub.ErrGracefulShutdown) {
		t.Errorf("the component was told %v", cause)
	}
}

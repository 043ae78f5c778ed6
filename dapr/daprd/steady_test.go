package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dapr/components-contrib/pubsub"
	"github.com/dapr/kit/logger"

	"comanda/dapr/daprd/groups"
)

// fakeGroup stands in for the consumer group. It records every membership with its topics.
type fakeGroup struct {
	*steadyPubSub
	failingJoins int // how many joins fail before one succeeds
	memberships  []*fakeMembership
}

type fakeMembership struct {
	topics []string
	paused bool
	ctx    context.Context // the session: done when the sidecar has left
	leave  context.CancelFunc
}

func (m *fakeMembership) Pause(context.Context) error  { m.paused = true; return nil }
func (m *fakeMembership) Resume(context.Context) error { m.paused = false; return nil }
func (m *fakeMembership) Close() error                 { m.leave(); return nil }

// withFakeGroup runs a test with virtual time.
func withFakeGroup(t *testing.T, test func(t *testing.T, g *fakeGroup)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &fakeGroup{steadyPubSub: newSteadyPubSub(logger.NewLogger("test"))}
		g.join = func(_ context.Context, requests []pubsub.SubscribeRequest, _ pubsub.Handler) (membership, error) {
			if g.failingJoins > 0 {
				g.failingJoins--
				return nil, errors.New("no broker")
			}
			m := &fakeMembership{}
			m.ctx, m.leave = context.WithCancel(context.Background())
			for _, request := range requests {
				m.topics = append(m.topics, request.Topic)
			}
			slices.Sort(m.topics)
			g.memberships = append(g.memberships, m)
			return m, nil
		}
		defer func() {
			g.stop()
			<-g.stopped
		}()
		test(t, g)
	})
}

// subscribe returns a function that ends the subscription. Each event sends "name topic" to received.
func (g *fakeGroup) subscribe(t *testing.T, topic, name string, received chan string) context.CancelCauseFunc {
	t.Helper()
	return g.subscribeWith(t, topic, func(context.Context, *pubsub.NewMessage) error {
		received <- name + " " + topic
		return nil
	})
}

func (g *fakeGroup) subscribeWith(t *testing.T, topic string, handler pubsub.Handler) context.CancelCauseFunc {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := g.Subscribe(ctx, pubsub.SubscribeRequest{Topic: topic}, handler); err != nil {
		t.Fatal(err)
	}
	return cancel
}

// deliverEvent delivers an event as the newest membership would, and returns its result.
func (g *fakeGroup) deliverEvent(topic string) <-chan error {
	m := g.memberships[len(g.memberships)-1]
	result := make(chan error, 1)
	go func() { result <- g.deliver(m.ctx, &pubsub.NewMessage{Topic: topic}) }()
	return result
}

// wantMemberships waits until every goroutine is blocked. Then it checks the topics of each membership, that all memberships but the last
// have ended, and whether the last one is still active.
func (g *fakeGroup) wantMemberships(t *testing.T, lastGoesOn bool, topics ...string) {
	t.Helper()
	synctest.Wait()
	var got []string
	for i, m := range g.memberships {
		got = append(got, fmt.Sprint(m.topics))
		if left := m.ctx.Err() != nil; left == (lastGoesOn && i == len(g.memberships)-1) {
			t.Errorf("membership %d with %v: got left %v, want %v", i, m.topics, left, !left)
		}
	}
	if !slices.Equal(got, topics) {
		t.Errorf("topics of the memberships: got %v, want %v", got, topics)
	}
}

func TestSidecarJoinsOnceForAllItsTopics(t *testing.T) {
	withFakeGroup(t, func(t *testing.T, g *fakeGroup) {
		g.subscribe(t, "orders", "app", nil)
		g.subscribe(t, "stock", "app", nil)
		time.Sleep(time.Minute)
		g.wantMemberships(t, true, "[orders stock]")
	})
}

func TestSidecarJoinsAgainForANewTopic(t *testing.T) {
	withFakeGroup(t, func(t *testing.T, g *fakeGroup) {
		g.subscribe(t, "orders", "app", nil)
		time.Sleep(time.Second)
		g.subscribe(t, "stock", "app", nil)
		time.Sleep(time.Second)
		g.wantMemberships(t, true, "[orders]", "[orders stock]")
	})
}

func TestFailedJoinIsRetried(t *testing.T) {
	withFakeGroup(t, func(t *testing.T, g *fakeGroup) {
		g.failingJoins = 3
		g.subscribe(t, "orders", "app", nil)
		time.Sleep(4*joinRetryInterval + time.Second)
		g.wantMemberships(t, true, "[orders]")
	})
}

// An event that comes between two subscriptions waits for the next listener.
func TestShortAbsenceKeepsTheMembership(t *testing.T) {
	withFakeGroup(t, func(t *testing.T, g *fakeGroup) {
		received := make(chan string, 9)
		unsubscribe := g.subscribe(t, "orders", "first", received)
		time.Sleep(time.Second)
		unsubscribe(nil)
		synctest.Wait()
		result := g.deliverEvent("orders")
		time.Sleep(absenceLimit - time.Millisecond)
		g.subscribe(t, "orders", "second", received)
		if err := <-result; err != nil || <-received != "second orders" {
			t.Errorf("event: got error %v or another listener, want none and the second listener", err)
		}
		time.Sleep(time.Minute)
		g.wantMemberships(t, true, "[orders]")
	})
}

func TestSidecarLeavesTheGroupWhileItsAppIsAway(t *testing.T) {
	withFakeGroup(t, func(t *testing.T, g *fakeGroup) {
		received := make(chan string, 9)
		unsubscribeOrders, unsubscribeStock := g.subscribe(t, "orders", "first", received), g.subscribe(t, "stock", "first", received)
		time.Sleep(time.Second)
		unsubscribeOrders(nil)
		unsubscribeStock(nil)
		synctest.Wait()
		result := g.deliverEvent("orders")
		time.Sleep(absenceLimit + time.Millisecond)
		g.wantMemberships(t, false, "[orders stock]")
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("the event that waited: got error %v, want context.Canceled", err)
		}
		time.Sleep(time.Hour)
		g.subscribe(t, "orders", "second", received)
		g.subscribe(t, "stock", "second", received)
		time.Sleep(time.Second)
		g.wantMemberships(t, true, "[orders stock]", "[orders stock]")
		if err := <-g.deliverEvent("orders"); err != nil || <-received != "second orders" {
			t.Errorf("event: got error %v or another listener, want none and the second listener", err)
		}
	})
}

func TestOneListenerKeepsTheMembership(t *testing.T) {
	withFakeGroup(t, func(t *testing.T, g *fakeGroup) {
		unsubscribe := g.subscribe(t, "orders", "app", nil)
		g.subscribe(t, "stock", "app", nil)
		time.Sleep(time.Second)
		unsubscribe(nil)
		time.Sleep(time.Minute)
		g.wantMemberships(t, true, "[orders stock]")
	})
}

func TestShutdownLeavesTheGroupAtOnce(t *testing.T) {
	withFakeGroup(t, func(t *testing.T, g *fakeGroup) {
		unsubscribeOrders, unsubscribeStock := g.subscribe(t, "orders", "app", nil), g.subscribe(t, "stock", "app", nil)
		time.Sleep(time.Second)
		if err := g.Pause(t.Context()); err != nil || !g.memberships[0].paused {
			t.Errorf("Pause: got paused %v and error %v, want true and none", g.memberships[0].paused, err)
		}
		unsubscribeOrders(pubsub.ErrGracefulShutdown)
		g.wantMemberships(t, true, "[orders stock]")
		unsubscribeStock(errors.Join(pubsub.ErrGracefulShutdown, errors.New("ceiling exceeded")))
		g.wantMemberships(t, false, "[orders stock]")
	})
}

func TestShutdownWhileTheAppIsAwayJoinsNoGroup(t *testing.T) {
	withFakeGroup(t, func(t *testing.T, g *fakeGroup) {
		g.subscribe(t, "orders", "app", nil)(nil)
		time.Sleep(time.Minute)
		if err := g.Pause(t.Context()); err != nil {
			t.Error(err)
		}
		g.stop()
		<-g.stopped
		g.wantMemberships(t, false)
	})
}

func TestEventThatFailsWithItsListenerGoesToTheNextListener(t *testing.T) {
	withFakeGroup(t, func(t *testing.T, g *fakeGroup) {
		received := make(chan string, 9)
		var unsubscribe context.CancelCauseFunc
		unsubscribe = g.subscribeWith(t, "orders", func(context.Context, *pubsub.NewMessage) error {
			unsubscribe(nil) // as when the app becomes unhealthy while it has the event
			return errors.New("the app is gone")
		})
		time.Sleep(time.Second)
		result := g.deliverEvent("orders")
		time.Sleep(time.Second)
		g.subscribe(t, "orders", "second", received)
		if err := <-result; err != nil || <-received != "second orders" {
			t.Errorf("event: got error %v or another listener, want none and the second listener", err)
		}
	})
}

// Only the first delivery of an event may be grouped, and only if the app accepts groups of its topic.
func TestEventsOfAGroupedSubscriptionMayBeGroupedOnce(t *testing.T) {
	for grouped, want := range map[string][]bool{"true": {true, false, false}, "false": {false, false, false}, "": {false, false, false}} {
		withFakeGroup(t, func(t *testing.T, g *fakeGroup) {
			var got []bool
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			request := pubsub.SubscribeRequest{Topic: "orders", Metadata: map[string]string{groupedKey: grouped}}
			err := g.Subscribe(ctx, request, func(ctx context.Context, _ *pubsub.NewMessage) error {
				for range want { // as Dapr retries
					got = append(got, groups.IsFirstTry(ctx))
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if err := <-g.deliverEvent("orders"); err != nil || !slices.Equal(got, want) {
				t.Errorf("grouped: %q: got first tries %v and error %v, want %v and none", grouped, got, err, want)
			}
		})
	}
}

// When Dapr stops a subscription, the subscription holds new events until its context ends.
func TestEventHeldByAStoppingListenerGoesToTheNextListener(t *testing.T) {
	withFakeGroup(t, func(t *testing.T, g *fakeGroup) {
		received := make(chan string, 9)
		unsubscribe := g.subscribeWith(t, "orders", func(ctx context.Context, _ *pubsub.NewMessage) error {
			<-ctx.Done()
			return ctx.Err()
		})
		time.Sleep(time.Second)
		result := g.deliverEvent("orders")
		time.Sleep(time.Second)
		unsubscribe(nil)
		g.subscribe(t, "orders", "second", received)
		if err := <-result; err != nil || <-received != "second orders" {
			t.Errorf("event: got error %v or another listener, want none and the second listener", err)
		}
	})
}

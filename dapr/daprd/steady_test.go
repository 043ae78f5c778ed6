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
)

// group stands in for the consumer group: it remembers who joined, with which topics, and who left.
type group struct {
	*steady
	refusals int // how many joins fail before one succeeds
	members  []*fakeMember
}

type fakeMember struct {
	topics []string
	paused bool
	ctx    context.Context // the session: done when the member has left
	leave  context.CancelFunc
}

func (m *fakeMember) Pause(context.Context) error  { m.paused = true; return nil }
func (m *fakeMember) Resume(context.Context) error { m.paused = false; return nil }
func (m *fakeMember) Close() error                 { m.leave(); return nil }

// inGroup runs a test with virtual time.
func inGroup(t *testing.T, test func(t *testing.T, g *group)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := &group{steady: newSteady(logger.NewLogger("test"))}
		g.join = func(_ context.Context, requests []pubsub.SubscribeRequest, _ pubsub.Handler) (member, error) {
			if g.refusals > 0 {
				g.refusals--
				return nil, errors.New("no broker")
			}
			m := &fakeMember{}
			m.ctx, m.leave = context.WithCancel(context.Background())
			for _, request := range requests {
				m.topics = append(m.topics, request.Topic)
			}
			slices.Sort(m.topics)
			g.members = append(g.members, m)
			return m, nil
		}
		defer func() {
			g.stop()
			<-g.ended
		}()
		test(t, g)
	})
}

// subscribe returns what ends the subscription; heard gets "name topic" of each event.
func (g *group) subscribe(t *testing.T, topic, name string, heard chan string) context.CancelCauseFunc {
	t.Helper()
	return g.subscribeWith(t, topic, func(context.Context, *pubsub.NewMessage) error {
		heard <- name + " " + topic
		return nil
	})
}

func (g *group) subscribeWith(t *testing.T, topic string, handler pubsub.Handler) context.CancelCauseFunc {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := g.Subscribe(ctx, pubsub.SubscribeRequest{Topic: topic}, handler); err != nil {
		t.Fatal(err)
	}
	return cancel
}

// event hands an event to the sidecar, as the newest member would, and returns how it ended.
func (g *group) event(topic string) <-chan error {
	m := g.members[len(g.members)-1]
	done := make(chan error, 1)
	go func() { done <- g.deliver(m.ctx, &pubsub.NewMessage{Topic: topic}) }()
	return done
}

// wantMembers waits until all is quiet, and checks which topics each membership had and whether the last one lasts.
func (g *group) wantMembers(t *testing.T, lasts bool, topics ...string) {
	t.Helper()
	synctest.Wait()
	var got []string
	for i, m := range g.members {
		got = append(got, fmt.Sprint(m.topics))
		if left := m.ctx.Err() != nil; left == (lasts && i == len(g.members)-1) {
			t.Errorf("member %d with %v: left is %v", i, m.topics, left)
		}
	}
	if !slices.Equal(got, topics) {
		t.Errorf("the memberships were %v, not %v", got, topics)
	}
}

func TestASidecarJoinsOnceForAllItsTopics(t *testing.T) {
	inGroup(t, func(t *testing.T, g *group) {
		g.subscribe(t, "orders", "app", nil)
		g.subscribe(t, "stock", "app", nil)
		time.Sleep(time.Minute)
		g.wantMembers(t, true, "[orders stock]")
	})
}

func TestASidecarJoinsAgainForOneMoreTopic(t *testing.T) {
	inGroup(t, func(t *testing.T, g *group) {
		g.subscribe(t, "orders", "app", nil)
		time.Sleep(time.Second)
		g.subscribe(t, "stock", "app", nil)
		time.Sleep(time.Second)
		g.wantMembers(t, true, "[orders]", "[orders stock]")
	})
}

func TestAJoinThatFailsIsTriedAgain(t *testing.T) {
	inGroup(t, func(t *testing.T, g *group) {
		g.refusals = 3
		g.subscribe(t, "orders", "app", nil)
		time.Sleep(4*rejoinPause + time.Second)
		g.wantMembers(t, true, "[orders]")
	})
}

// An event waits for the next listener, however the end of one subscription and the beginning of the next fall together.
func TestABriefAbsenceChangesNoMembership(t *testing.T) {
	inGroup(t, func(t *testing.T, g *group) {
		heard := make(chan string, 9)
		end := g.subscribe(t, "orders", "first", heard)
		time.Sleep(time.Second)
		end(nil)
		synctest.Wait()
		done := g.event("orders")
		time.Sleep(absence - time.Millisecond)
		g.subscribe(t, "orders", "second", heard)
		if err := <-done; err != nil || <-heard != "second orders" {
			t.Errorf("the event ended with %v", err)
		}
		time.Sleep(time.Minute)
		g.wantMembers(t, true, "[orders]")
	})
}

func TestASidecarLeavesWhileItsAppIsAway(t *testing.T) {
	inGroup(t, func(t *testing.T, g *group) {
		heard := make(chan string, 9)
		endOrders, endStock := g.subscribe(t, "orders", "first", heard), g.subscribe(t, "stock", "first", heard)
		time.Sleep(time.Second)
		endOrders(nil)
		endStock(nil)
		synctest.Wait()
		done := g.event("orders")
		time.Sleep(absence + time.Millisecond)
		g.wantMembers(t, false, "[orders stock]")
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("the event that waited ended with %v", err)
		}
		time.Sleep(time.Hour)
		g.subscribe(t, "orders", "second", heard)
		g.subscribe(t, "stock", "second", heard)
		time.Sleep(time.Second)
		g.wantMembers(t, true, "[orders stock]", "[orders stock]")
		if err := <-g.event("orders"); err != nil || <-heard != "second orders" {
			t.Errorf("the event ended with %v", err)
		}
	})
}

func TestOneListenerKeepsTheMembership(t *testing.T) {
	inGroup(t, func(t *testing.T, g *group) {
		end := g.subscribe(t, "orders", "app", nil)
		g.subscribe(t, "stock", "app", nil)
		time.Sleep(time.Second)
		end(nil)
		time.Sleep(time.Minute)
		g.wantMembers(t, true, "[orders stock]")
	})
}

func TestShutdownLeavesAtOnce(t *testing.T) {
	inGroup(t, func(t *testing.T, g *group) {
		endOrders, endStock := g.subscribe(t, "orders", "app", nil), g.subscribe(t, "stock", "app", nil)
		time.Sleep(time.Second)
		if err := g.Pause(t.Context()); err != nil || !g.members[0].paused {
			t.Errorf("paused %v (%v)", g.members[0].paused, err)
		}
		endOrders(pubsub.ErrGracefulShutdown)
		g.wantMembers(t, true, "[orders stock]")
		endStock(errors.Join(pubsub.ErrGracefulShutdown, errors.New("ceiling exceeded")))
		g.wantMembers(t, false, "[orders stock]")
	})
}

func TestShutdownWhileTheAppIsAway(t *testing.T) {
	inGroup(t, func(t *testing.T, g *group) {
		g.subscribe(t, "orders", "app", nil)(nil)
		time.Sleep(time.Minute)
		if err := g.Pause(t.Context()); err != nil {
			t.Error(err)
		}
		g.stop()
		<-g.ended
		g.wantMembers(t, false)
	})
}

func TestAnEventThatFailedWithItsListenerIsForTheNext(t *testing.T) {
	inGroup(t, func(t *testing.T, g *group) {
		heard := make(chan string, 9)
		var end context.CancelCauseFunc
		end = g.subscribeWith(t, "orders", func(context.Context, *pubsub.NewMessage) error {
			end(nil) // as when the app becomes unhealthy while it has the event
			return errors.New("the app is gone")
		})
		time.Sleep(time.Second)
		done := g.event("orders")
		time.Sleep(time.Second)
		g.subscribe(t, "orders", "second", heard)
		if err := <-done; err != nil || <-heard != "second orders" {
			t.Errorf("the event ended with %v", err)
		}
	})
}

// Dapr's own subscription holds what comes while it is being stopped, until its context ends.
func TestAnEventThatIsHeldIsForTheNext(t *testing.T) {
	inGroup(t, func(t *testing.T, g *group) {
		heard := make(chan string, 9)
		end := g.subscribeWith(t, "orders", func(ctx context.Context, _ *pubsub.NewMessage) error {
			<-ctx.Done()
			return ctx.Err()
		})
		time.Sleep(time.Second)
		done := g.event("orders")
		time.Sleep(time.Second)
		end(nil)
		g.subscribe(t, "orders", "second", heard)
		if err := <-done; err != nil || <-heard != "second orders" {
			t.Errorf("the event ended with %v", err)
		}
	})
}

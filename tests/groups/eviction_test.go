package groups

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

func kerrOf(code int16) error        { return kerr.ErrorForCode(code) }
func isRebalance(err error) bool     { return errors.Is(err, kerr.RebalanceInProgress) }
func isUnknownMember(err error) bool { return errors.Is(err, kerr.UnknownMemberID) }

// alone makes a group whose only member is the leader.
func alone(ctx context.Context, t *testing.T, brokers, group string, rebalance time.Duration) *bare {
	leader := newBare(t, brokers, group, rebalance)
	if _, err := leader.join(ctx); err != nil {
		t.Fatal(err)
	}
	leader.sync(ctx, leader)
	return leader
}

func TestEviction(t *testing.T) {
	t.Parallel()
	kafka, _ := startKafka(t)
	brokers := kafka.Brokers()
	t.Run("rebalance ends though members keep joining", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		const rebalance = 4 * time.Second
		slow := alone(ctx, t, brokers, "joining", rebalance)
		go slow.keepBeating(ctx)
		first := newBare(t, brokers, "joining", rebalance).joinLater(ctx)
		deadline := time.After(2 * rebalance)
		for {
			select {
			case err := <-first:
				if err != nil {
					t.Fatal(err)
				}
				return
			case <-deadline:
				t.Fatalf("the group still rebalances after twice its time-out of %s", rebalance)
			case <-time.After(time.Second):
				newBare(t, brokers, "joining", rebalance).joinLater(ctx)
			}
		}
	})
	t.Run("join that waits longer than a session is answered", func(t *testing.T) {
		t.Parallel()
		const rebalance = session + 4*time.Second
		ctx, cancel := context.WithTimeout(t.Context(), 2*rebalance)
		defer cancel()
		patient := alone(ctx, t, brokers, "waiting", rebalance)
		slow := newBare(t, brokers, "waiting", rebalance)
		joined := slow.joinLater(ctx)
		patient.awaitRebalance(ctx)
		if _, err := patient.join(ctx); err != nil {
			t.Fatal(err)
		}
		if err := <-joined; err != nil {
			t.Fatal(err)
		}
		slowSynced := make(chan struct{})
		go func() {
			defer close(slowSynced)
			slow.sync(ctx)
		}()
		patient.sync(ctx, patient, slow)
		<-slowSynced
		go slow.keepBeating(ctx)
		newBare(t, brokers, "waiting", rebalance).joinLater(ctx)
		patient.awaitRebalance(ctx)
		begun := time.Now()
		if _, err := patient.join(ctx); err != nil {
			t.Fatalf("after %s: %v", time.Since(begun).Round(time.Second), err)
		}
		if err := slow.beat(ctx); !isUnknownMember(err) {
			t.Errorf("the member that did not join again is still one: %v", err)
		}
	})
	t.Run("member that dies while it joins goes", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), 4*session)
		defer cancel()
		living := alone(ctx, t, brokers, "dying", time.Minute)
		dead := newBare(t, brokers, "dying", time.Minute)
		joining, die := context.WithCancel(ctx)
		ended := dead.joinLater(joining)
		living.awaitRebalance(ctx)
		die()
		<-ended
		dead.client.Close()
		// The broker may answer the dead one. Then it is a member until its session ends, and a rebalance follows.
		for {
			members, err := living.join(ctx)
			if err != nil {
				t.Fatalf("the dead one is still a member: %v", err)
			}
			if members == 1 {
				return
			}
			living.sync(ctx, living)
			living.awaitRebalance(ctx)
		}
	})
}

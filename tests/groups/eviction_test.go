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

// startGroup starts a group whose only member is the leader.
func startGroup(ctx context.Context, t *testing.T, brokers, group string, rebalance time.Duration) *rawMember {
	leader := newRawMember(t, brokers, group, rebalance)
	if _, err := leader.join(ctx); err != nil {
		t.Fatal(err)
	}
	leader.sync(ctx, leader)
	return leader
}

func TestBrokerEvictsAbsentMembers(t *testing.T) {
	t.Parallel()
	kafka, _ := startKafka(t)
	brokers := kafka.Brokers()
	t.Run("rebalance ends although members keep joining", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		const rebalance = 4 * time.Second
		slow := startGroup(ctx, t, brokers, "joining", rebalance)
		go slow.keepHeartbeating(ctx)
		first := newRawMember(t, brokers, "joining", rebalance).joinInBackground(ctx)
		deadline := time.After(2 * rebalance)
		for {
			select {
			case err := <-first:
				if err != nil {
					t.Fatal(err)
				}
				return
			case <-deadline:
				t.Fatalf("rebalance: got none completed after %s, want one within its time-out of %s", 2*rebalance, rebalance)
			case <-time.After(time.Second):
				newRawMember(t, brokers, "joining", rebalance).joinInBackground(ctx)
			}
		}
	})
	t.Run("join that waits longer than the session time-out gets a response", func(t *testing.T) {
		t.Parallel()
		const rebalance = session + 4*time.Second
		ctx, cancel := context.WithTimeout(t.Context(), 2*rebalance)
		defer cancel()
		leader := startGroup(ctx, t, brokers, "waiting", rebalance)
		slow := newRawMember(t, brokers, "waiting", rebalance)
		joined := slow.joinInBackground(ctx)
		leader.awaitRebalance(ctx)
		if _, err := leader.join(ctx); err != nil {
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
		leader.sync(ctx, leader, slow)
		<-slowSynced
		go slow.keepHeartbeating(ctx)
		newRawMember(t, brokers, "waiting", rebalance).joinInBackground(ctx)
		leader.awaitRebalance(ctx)
		began := time.Now()
		if _, err := leader.join(ctx); err != nil {
			t.Fatalf("join after %s: got error %v, want none", time.Since(began).Round(time.Second), err)
		}
		if err := slow.heartbeat(ctx); !isUnknownMember(err) {
			t.Errorf("heartbeat of the member that did not join again: got %v, want UNKNOWN_MEMBER_ID", err)
		}
	})
	t.Run("member that dies while it joins is removed", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), 4*session)
		defer cancel()
		living := startGroup(ctx, t, brokers, "dying", time.Minute)
		dead := newRawMember(t, brokers, "dying", time.Minute)
		joining, cancelJoin := context.WithCancel(ctx)
		joined := dead.joinInBackground(joining)
		living.awaitRebalance(ctx)
		cancelJoin()
		<-joined
		dead.client.Close()
		// The broker may still respond to the dead member's join. The member then counts until its session times out, and a
		// rebalance follows.
		for {
			members, err := living.join(ctx)
			if err != nil {
				t.Fatalf("join of the live member: got error %v, want a group without the dead member", err)
			}
			if members == 1 {
				return
			}
			living.sync(ctx, living)
			living.awaitRebalance(ctx)
		}
	})
}

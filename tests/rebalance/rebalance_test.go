package rebalance_test

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A new replica gets its share of the partitions at once, although another replica is busy with an event that fails.
func TestReplicaJoinsWhileAnEventFails(t *testing.T) {
	t.Parallel()
	g := newConsumerGroup(t)
	g.startReplica(t)
	g.publishPoison(t)
	g.startReplica(t)
	g.awaitMembers(t, 2)
	g.wantDelivered(t, "joined")
}

// A sidecar that was stopped with SIGSTOP drops its event when it resumes, because another replica has the partition now.
func TestResumedReplicaDropsAnEventThatAnotherReplicaHas(t *testing.T) {
	t.Parallel()
	g := newConsumerGroup(t)
	g.startReplica(t)
	g.startReplica(t)
	g.awaitMembers(t, 2)
	g.publishPoison(t)
	first := g.lastReceiver(poison)
	first.signal(t, syscall.SIGSTOP)
	eventually(t, "the other replica receives the event", func() bool { return g.lastReceiver(poison) != first })
	first.signal(t, syscall.SIGCONT)
	g.awaitMembers(t, 2)
	earlier := len(g.deliveries(poison))
	eventually(t, "three more deliveries of the event", func() bool { return len(g.deliveries(poison)) >= earlier+3 })
	since := g.deliveries(poison)[earlier:]
	if slices.ContainsFunc(since, func(r *replica) bool { return r != since[0] }) {
		t.Error("deliveries after the rebalance: got both replicas, want only one")
	}
}

// A sidecar that gets SIGTERM leaves its group and exits with code 0, although one of its events fails.
func TestStoppedSidecarLeavesItsGroupWhileAnEventFails(t *testing.T) {
	t.Parallel()
	g := newConsumerGroup(t)
	first := g.startReplica(t)
	g.publishPoison(t)
	first.signal(t, syscall.SIGTERM)
	eventually(t, "the exit of the sidecar", func() bool { return !first.Running() })
	if err := first.Err(); err != nil {
		t.Errorf("exit of the sidecar: got error %v, want none", err)
	}
	if n := len(g.members(t)); n != 0 {
		t.Errorf("members of the group: got %d, want 0", n)
	}
	g.letPoisonSucceed()
	second := g.startReplica(t)
	eventually(t, "the next replica receives the event", func() bool { return g.lastReceiver(poison) == second })
}

// While an app is unhealthy for a short time its sidecar stays in the group. When the app is healthy again all events are
// delivered, although one of them fails.
func TestSidecarStaysInItsGroupWhileItsAppIsBrieflyUnhealthy(t *testing.T) {
	t.Parallel()
	g := newConsumerGroup(t)
	r := g.startReplica(t)
	g.awaitMembers(t, 1)
	g.publishPoison(t)
	before := g.members(t)
	r.setUnhealthy(true)
	eventually(t, "a log line that the app is unhealthy", func() bool {
		return strings.Contains(r.logText(), "App entered un-healthy status")
	})
	r.setUnhealthy(false)
	healthy := time.Now()
	g.wantDelivered(t, "healthy")
	if took := time.Since(healthy); took > 10*time.Second {
		t.Errorf("delivery on the other partitions after the app was healthy: got %s, want at most 10s", took)
	}
	if after := g.members(t); !slices.Equal(before, after) {
		t.Errorf("members of the group: got %v, want the same as before, %v", after, before)
	}
}

// A sidecar whose app is gone leaves the group, so other replicas get its partitions. It joins again when the app is back.
func TestSidecarLeavesItsGroupWhileItsAppIsGone(t *testing.T) {
	t.Parallel()
	g := newConsumerGroup(t)
	first := g.startReplica(t)
	g.startReplica(t)
	g.awaitMembers(t, 2)
	if err := first.server.Close(); err != nil {
		t.Fatal(err)
	}
	g.awaitMembers(t, 1)
	g.wantDelivered(t, "gone")
	if !first.Running() {
		t.Error("the sidecar stopped with its app, want it running")
	}
	first.startApp(t)
	g.awaitMembers(t, 2)
	g.wantDelivered(t, "back")
}

package rebalance_test

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A new replica has its share at once, though another one is busy with an event that fails.
func TestAReplicaJoinsWhileAnEventFails(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.add(t)
	s.publishPoison(t)
	s.add(t)
	s.awaitMembers(t, 2)
	s.wantHeard(t, "joined")
}

// A sidecar that stood still lets go of its event when it wakes, because another one has the partition now.
func TestAReplicaThatStoodStillLetsGo(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.add(t)
	s.add(t)
	s.awaitMembers(t, 2)
	s.publishPoison(t)
	first := s.holder(poison)
	first.signal(t, syscall.SIGSTOP)
	eventually(t, "the other replica has the event", func() bool { return s.holder(poison) != first })
	first.signal(t, syscall.SIGCONT)
	s.awaitMembers(t, 2)
	n := len(s.deliveries(poison))
	eventually(t, "three more tries", func() bool { return len(s.deliveries(poison)) >= n+3 })
	since := s.deliveries(poison)[n:]
	if slices.ContainsFunc(since, func(r *replica) bool { return r != since[0] }) {
		t.Error("both replicas tried the event after the rebalance")
	}
}

// A sidecar that is told to end gives its partitions back in good order, though one of its events fails.
func TestASidecarEndsWhileAnEventFails(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := s.add(t)
	s.publishPoison(t)
	first.signal(t, syscall.SIGTERM)
	eventually(t, "the sidecar's end", func() bool { return !first.Running() })
	if err := first.Err(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if n := len(s.members(t)); n != 0 {
		t.Errorf("the group still has %d members", n)
	}
	s.mend()
	second := s.add(t)
	eventually(t, "the next replica hears the event", func() bool { return s.holder(poison) == second })
}

// While an app is ill for a short time its sidecar stays in the group, and all events go on when it is well again, though
// one of them fails.
func TestAnAppThatIsIllForAShortTime(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := s.add(t)
	s.awaitMembers(t, 1)
	s.publishPoison(t)
	before := s.members(t)
	r.setIll(true)
	eventually(t, "the sidecar sees that the app is ill", func() bool { return strings.Contains(r.said(), "App entered un-healthy status") })
	r.setIll(false)
	well := time.Now()
	s.wantHeard(t, "well")
	if took := time.Since(well); took > 10*time.Second {
		t.Errorf("the other partitions waited for %s after the app was well", took)
	}
	if after := s.members(t); !slices.Equal(before, after) {
		t.Errorf("the sidecar left the group: the members were %v, and are %v", before, after)
	}
}

// A sidecar without an app does not hold partitions: other replicas take them over, until the app is back.
func TestAnAppThatIsGone(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := s.add(t)
	s.add(t)
	s.awaitMembers(t, 2)
	if err := first.server.Close(); err != nil {
		t.Fatal(err)
	}
	s.awaitMembers(t, 1)
	s.wantHeard(t, "gone")
	if !first.Running() {
		t.Error("the sidecar ended with its app")
	}
	first.startApp(t)
	s.awaitMembers(t, 2)
	s.wantHeard(t, "back")
}

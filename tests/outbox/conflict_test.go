package outbox_test

import (
	"strings"
	"testing"
	"time"
)

// A transaction that does not commit publishes nothing, blocks nothing, and leaves the sidecar idle. With the built-in engine
// one such conflict keeps the sidecar at thousands of transactions a second for ever.
func TestConflictsLeaveTheSidecarIdle(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, shared.postgres)
	topic := newTopic(t, shared.kafka, 1)
	s := startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "conflicts", Database: database, Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := readTopic(t, shared.kafka, topic)

	mustCommitEvent(t, s, "orders", "order", 1, firstWrite)
	const conflicts = 50
	for range conflicts {
		if err := commitEvent(t.Context(), s, "orders", "order", 99, firstWrite); err == nil {
			t.Fatal("second first-write of a document: got success, want a conflict")
		} else if !strings.Contains(err.Error(), "no item was updated") {
			t.Fatal(err)
		}
	}

	const window = 5 * time.Second
	conn := connect(t, database)
	commits := `select xact_commit + xact_rollback from pg_stat_database where datname = current_database()`
	processor := s.processorTime(t)
	before := queryInt(t, conn, commits)
	<-time.After(window) // the measured time: nothing may happen in it
	if used := s.processorTime(t) - processor; used > window/10 {
		t.Errorf("processor time of the idle sidecar in %s: got %s, want at most %s", window, used, window/10)
	}
	// The idle poll runs once a second. The statistics may lag behind by one.
	if n := queryInt(t, conn, commits) - before; n > 20+conflicts {
		t.Errorf("transactions of the idle sidecar in %s: got %d, want at most %d", window, n, 20+conflicts)
	}

	mustCommitEvent(t, s, "orders", "order", 2)
	eventually(t, 5*time.Second, func() (bool, string) { return events.count() >= 2, "the event after the conflicts" })
	events.wantInOrder(t)
	awaitNoRows(t, conn, 5*time.Second)
}

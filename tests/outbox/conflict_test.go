package outbox_test

import (
	"strings"
	"testing"
	"time"
)

// A transaction that does not commit announces nothing, holds up nothing, and leaves no processor busy. On the built-in
// engine one such conflict keeps the sidecar at thousands of transactions a second for ever.
func TestConflictsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, calm.postgres)
	topic := newTopic(t, calm.kafka, 1)
	s := startSidecar(t, wanted{
		Program: calm.ours, App: "conflicts", Database: database, Brokers: calm.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := read(t, calm.kafka, topic)

	mustAnnounce(t, s, "orders", "order", 1, firstWrite)
	const conflicts = 50
	for range conflicts {
		if err := announce(t.Context(), s, "orders", "order", 99, firstWrite); err == nil {
			t.Fatal("a second first-write succeeded")
		} else if !strings.Contains(err.Error(), "no item was updated") {
			t.Fatal(err)
		}
	}

	const window = 5 * time.Second
	conn := connect(t, database)
	commits := `select xact_commit + xact_rollback from pg_stat_database where datname = current_database()`
	processor := s.processorTime(t)
	before := queryInt(t, conn, commits)
	<-time.After(window) // what is measured is that nothing happens
	if used := s.processorTime(t) - processor; used > window/10 {
		t.Errorf("after the conflicts the idle sidecar used %s of the processor in %s", used, window)
	}
	// The idle poll is one a second, statistics may lag behind by one.
	if n := queryInt(t, conn, commits) - before; n > 20+conflicts {
		t.Errorf("after the conflicts the idle sidecar ran %d transactions in %s", n, window)
	}

	mustAnnounce(t, s, "orders", "order", 2)
	eventually(t, 5*time.Second, func() (bool, string) { return events.count() >= 2, "the event after the conflicts" })
	events.wantInOrder(t)
	awaitNoRows(t, conn, 5*time.Second)
}

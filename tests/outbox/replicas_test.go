package outbox_test

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Three replicas write to one table and publish from it. Each event is published once and in the order of its aggregate,
// although consecutive events of one aggregate are written through different replicas.
func TestReplicasPublishEachEventOnceAndInOrder(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, shared.postgres)
	topic := newTopic(t, shared.kafka, 8)
	var replicas []*sidecar
	for range 3 {
		replicas = append(replicas, startSidecar(t, sidecarConfig{
			Program: shared.ours, App: "replicas", Database: database, Brokers: shared.kafka.Brokers(),
			Stores: []store{{Name: "orders", Topic: topic}},
		}))
	}
	events := readTopic(t, shared.kafka, topic)

	const subjects, rounds = 40, 15
	var writers sync.WaitGroup
	for subject := range subjects {
		writers.Go(func() {
			for number := range rounds {
				name := "order-" + string(rune('A'+subject%26)) + string(rune('a'+subject/26))
				if err := commitEvent(t.Context(), replicas[(subject+number)%3], "orders", name, number+1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()

	awaitNoRows(t, connect(t, database), 20*time.Second)
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() >= subjects*rounds, "all events" })
	if duplicates := events.duplicates(); len(duplicates) > 0 {
		t.Errorf("events published more than once: got %d, want 0", len(duplicates))
	}
	events.wantInOrder(t)
	var sum float64
	for i, replica := range replicas {
		n := replica.metric(t, "dapr_outbox_published_count", topic)
		if n == 0 {
			t.Errorf("events published by replica %d: got 0, want some", i+1)
		}
		sum += n
	}
	if sum != subjects*rounds {
		t.Errorf("events counted as published by all replicas: got %v, want %d", sum, subjects*rounds)
	}
}

// A replica that freezes during its turn (a stopped process, a lost network) loses the turn, and the other replicas publish. No event is
// lost when the replica resumes.
func TestFrozenReplicaLosesItsTurn(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, shared.postgres)
	topic := newTopic(t, shared.kafka, 4)
	var replicas []*sidecar
	for range 2 {
		replicas = append(replicas, startSidecar(t, sidecarConfig{
			Program: shared.ours, App: "frozen", Database: database, Brokers: shared.kafka.Brokers(),
			Stores: []store{{Name: "orders", Topic: topic}},
		}))
	}
	events := readTopic(t, shared.kafka, topic)
	busy := newLoad(t, 8, 1_000_000, func(int) *sidecar { return replicas[0] }, "orders", time.Millisecond)
	freezeDuringTurn(t, replicas[0], connect(t, database))

	mustCommitEvent(t, replicas[1], "orders", "writer-other", 1)
	eventually(t, 30*time.Second, func() (bool, string) {
		return len(events.numbers()["writer-other"]) == 1, "the other replica's event"
	})
	signal(t, replicas[0], syscall.SIGCONT)
	busy.stopWriters()
	awaitNoRows(t, connect(t, database), 20*time.Second)
	busy.awaitEvents(t, events, 20*time.Second)
	wantEventsMatchDocuments(t, database, events)
}

// freezeDuringTurn stops the process repeatedly until it is stopped while it holds the turn's lock. The database then shows
// the lock granted to an idle session.
func freezeDuringTurn(t *testing.T, s *sidecar, conn *pgx.Conn) {
	t.Helper()
	holdsLock := func() bool {
		return queryInt(t, conn, `select count(*) from pg_locks join pg_stat_activity using (pid)
			where locktype = 'advisory' and granted and datname = current_database()
			and state = 'idle in transaction' and state_change < now() - interval '200 ms'`) > 0
	}
	eventually(t, 30*time.Second, func() (bool, string) {
		signal(t, s, syscall.SIGSTOP)
		for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); {
			if holdsLock() {
				return true, ""
			}
			if queryInt(t, conn, `select count(*) from pg_locks where locktype = 'advisory'`) == 0 {
				break // it is stopped between two turns
			}
		}
		signal(t, s, syscall.SIGCONT)
		return false, "a replica that is stopped during its turn"
	})
}

func signal(t *testing.T, s *sidecar, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(s.currentProcess().PID(), signal); err != nil {
		t.Fatal(err)
	}
}

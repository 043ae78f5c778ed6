package outbox_test

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Three replicas write to one table and publish from it: each event once, and in the order of its aggregate, though
// consecutive events of one aggregate are written through different replicas.
func TestReplicasShareTheRows(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, calm.postgres)
	topic := newTopic(t, calm.kafka, 8)
	var replicas []*sidecar
	for range 3 {
		replicas = append(replicas, startSidecar(t, wanted{
			Program: calm.ours, App: "replicas", Database: database, Brokers: calm.kafka.Brokers(),
			Stores: []store{{Name: "orders", Topic: topic}},
		}))
	}
	events := read(t, calm.kafka, topic)

	const subjects, rounds = 40, 15
	var writers sync.WaitGroup
	for subject := range subjects {
		writers.Go(func() {
			for number := range rounds {
				name := "order-" + string(rune('A'+subject%26)) + string(rune('a'+subject/26))
				if err := announce(t.Context(), replicas[(subject+number)%3], "orders", name, number+1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()

	awaitNoRows(t, connect(t, database), 20*time.Second)
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() >= subjects*rounds, "all events" })
	if doubles := events.doubles(); len(doubles) > 0 {
		t.Errorf("%d events were published more than once", len(doubles))
	}
	events.wantInOrder(t)
	var sum float64
	for i, replica := range replicas {
		n := replica.metric(t, "dapr_outbox_published_count", topic)
		if n == 0 {
			t.Errorf("replica %d published nothing", i+1)
		}
		sum += n
	}
	if sum != subjects*rounds {
		t.Errorf("the replicas count %v events published, want %d", sum, subjects*rounds)
	}
}

// A replica that stands still in the middle of its turn (a stopped process, a lost network) loses it, and the others go
// on; when it comes round nothing is lost.
func TestFrozenReplicaLosesItsTurn(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, calm.postgres)
	topic := newTopic(t, calm.kafka, 4)
	var replicas []*sidecar
	for range 2 {
		replicas = append(replicas, startSidecar(t, wanted{
			Program: calm.ours, App: "frozen", Database: database, Brokers: calm.kafka.Brokers(),
			Stores: []store{{Name: "orders", Topic: topic}},
		}))
	}
	events := read(t, calm.kafka, topic)
	busy := newLoad(t, 8, 1_000_000, func(int) *sidecar { return replicas[0] }, "orders", time.Millisecond)
	freezeInItsTurn(t, replicas[0], connect(t, database))

	mustAnnounce(t, replicas[1], "orders", "writer-other", 1)
	eventually(t, 30*time.Second, func() (bool, string) { return len(events.numbers()["writer-other"]) == 1, "the other replica's event" })
	signal(t, replicas[0], syscall.SIGCONT)
	busy.end()
	awaitNoRows(t, connect(t, database), 20*time.Second)
	busy.awaitAll(t, events, 20*time.Second)
	wantEventsOfDocuments(t, database, events)
}

// freezeInItsTurn stops the process again and again until it stands still with the lock in its hand: the database then
// shows the lock granted to a session that does nothing.
func freezeInItsTurn(t *testing.T, s *sidecar, conn *pgx.Conn) {
	t.Helper()
	held := func() bool {
		return queryInt(t, conn, `select count(*) from pg_locks join pg_stat_activity using (pid)
			where locktype = 'advisory' and granted and datname = current_database()
			and state = 'idle in transaction' and state_change < now() - interval '200 ms'`) > 0
	}
	eventually(t, 30*time.Second, func() (bool, string) {
		signal(t, s, syscall.SIGSTOP)
		for deadline := time.Now().Add(time.Second); time.Now().Before(deadline); {
			if held() {
				return true, ""
			}
			if queryInt(t, conn, `select count(*) from pg_locks where locktype = 'advisory'`) == 0 {
				break // it stands still between two turns
			}
		}
		signal(t, s, syscall.SIGCONT)
		return false, "a replica that was stopped in its turn"
	})
}

func signal(t *testing.T, s *sidecar, signal syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(s.current().PID(), signal); err != nil {
		t.Fatal(err)
	}
}

package outbox_test

import (
	"context"
	"testing"
	"time"

	"comanda/infra"
)

// needsOwnServers skips a test that would stop servers which other tests or programs use.
func needsOwnServers(t *testing.T) {
	t.Helper()
	if shared.kind == infra.External {
		t.Skip("this test stops its servers, and COMANDA_BACKING=external means servers that it must not stop")
	}
}

func startOwnKafka(t *testing.T) *infra.Kafka {
	t.Helper()
	needsOwnServers(t)
	broker, err := infra.StartKafka(t.Context(), infra.Options{Dir: newServerDir(t), Kind: shared.kind, Port: freePort(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Stop(context.Background()) })
	return broker
}

func startOwnPostgres(t *testing.T) *infra.Postgres {
	t.Helper()
	needsOwnServers(t)
	server, err := infra.StartPostgres(t.Context(), infra.Options{Dir: newServerDir(t), Kind: shared.kind, Port: freePort(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	return server
}

// While the broker is away for half a minute every write succeeds, on both replicas. When the broker is back every event is
// published, in the order of its aggregate.
func TestWritesSucceedWhileTheBrokerIsAway(t *testing.T) {
	t.Parallel()
	broker := startOwnKafka(t)
	database := newDatabase(t, shared.postgres)
	topic := newTopic(t, broker, 4)
	var replicas []*sidecar
	for range 2 {
		replicas = append(replicas, startSidecar(t, sidecarConfig{
			Program: shared.ours, App: "brokeraway", Database: database, Brokers: broker.Brokers(),
			Stores: []store{{Name: "orders", Topic: topic}},
		}))
	}
	events := readTopic(t, broker, topic)
	l := newLoad(t, 4, 25, func(writer int) *sidecar { return replicas[writer%2] }, "orders", 10*time.Millisecond)
	eventually(t, 10*time.Second, func() (bool, string) {
		return events.count() > 50, "more than 50 events before the broker is killed"
	})

	if err := broker.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	written := l.written.Load()
	<-time.After(30 * time.Second)
	if n := l.written.Load() - written; n < 1000 {
		t.Errorf("writes while the broker was away: got %d, want at least 1000", n)
	}
	if n := l.failed.Load(); n > 0 {
		t.Errorf("failed writes while the broker was away: got %d, want 0", n)
	}
	if err := broker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	returned := time.Now()
	l.stopWriters()

	l.awaitEvents(t, events, 45*time.Second)
	events.wantInOrder(t)
	awaitNoRows(t, connect(t, database), 20*time.Second)
	t.Logf("%d events were published, the last one %s after the broker was back", l.written.Load(),
		time.Since(returned).Round(time.Millisecond))
}

// The database is killed during writes and publishing, and starts again. No event is lost, and every published event belongs to
// a committed transaction.
func TestDatabaseOutageLosesNoEvent(t *testing.T) {
	t.Parallel()
	server := startOwnPostgres(t)
	database := newDatabase(t, server)
	topic := newTopic(t, shared.kafka, 4)
	s := startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "databaseaway", Database: database, Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := readTopic(t, shared.kafka, topic)
	l := newLoad(t, 8, 1_000_000, func(int) *sidecar { return s }, "orders", 5*time.Millisecond)

	for range 3 {
		l.awaitMoreWrites(t, 30*time.Second, 100, "while the database runs")
		if err := server.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		failed := l.failed.Load()
		eventually(t, 30*time.Second, func() (bool, string) { return l.failed.Load() > failed, "a write that fails" })
		if err := server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	l.awaitMoreWrites(t, 30*time.Second, 100, "after the last restart")
	l.stopWriters()

	awaitNoRows(t, connect(t, database), 20*time.Second)
	l.awaitEvents(t, events, 20*time.Second)
	wantEventsMatchDocuments(t, database, events)
	t.Logf("%d writes succeeded, %d failed, %d events were published more than once", l.written.Load(), l.failed.Load(),
		len(events.duplicates()))
}

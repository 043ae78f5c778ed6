package outbox_test

import (
	"context"
	"testing"
	"time"

	"comanda/infra"
)

// needsOwnServers skips where the test cannot stop the servers without harm to others.
func needsOwnServers(t *testing.T) {
	t.Helper()
	if calm.kind == infra.External {
		t.Skip("this test stops its servers, and COMANDA_BACKING=external names somebody else's")
	}
}

func ownKafka(t *testing.T) *infra.Kafka {
	t.Helper()
	needsOwnServers(t)
	broker, err := infra.StartKafka(t.Context(), infra.Options{Dir: openDir(t), Kind: calm.kind, Port: freePort(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Stop(context.Background()) })
	return broker
}

func ownPostgres(t *testing.T) *infra.Postgres {
	t.Helper()
	needsOwnServers(t)
	server, err := infra.StartPostgres(t.Context(), infra.Options{Dir: openDir(t), Kind: calm.kind, Port: freePort(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop(context.Background()) })
	return server
}

// While the broker is away for half a minute every write succeeds, on either of two replicas; when it is back all is
// published, and for each aggregate in its order.
func TestBrokerAway(t *testing.T) {
	t.Parallel()
	broker := ownKafka(t)
	database := newDatabase(t, calm.postgres)
	topic := newTopic(t, broker, 4)
	var replicas []*sidecar
	for range 2 {
		replicas = append(replicas, startSidecar(t, wanted{
			Program: calm.ours, App: "brokeraway", Database: database, Brokers: broker.Brokers(),
			Stores: []store{{Name: "orders", Topic: topic}},
		}))
	}
	events := read(t, broker, topic)
	l := newLoad(t, 4, 25, func(writer int) *sidecar { return replicas[writer%2] }, "orders", 10*time.Millisecond)
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() > 50, "events before the broker goes" })

	if err := broker.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	written := l.written.Load()
	<-time.After(30 * time.Second)
	if n := l.written.Load() - written; n < 1000 {
		t.Errorf("only %d writes succeeded while the broker was away", n)
	}
	if n := l.failed.Load(); n > 0 {
		t.Errorf("%d writes failed because the broker was away", n)
	}
	if err := broker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	returned := time.Now()
	l.end()

	l.awaitAll(t, events, 45*time.Second)
	events.wantInOrder(t)
	awaitNoRows(t, connect(t, database), 20*time.Second)
	t.Logf("%d events, the last of them %s after the broker was back", l.written.Load(), time.Since(returned).Round(time.Millisecond))
}

// The database goes away in the middle of writing and publishing, and comes back: nothing is lost and nothing is
// announced that did not commit.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	server := ownPostgres(t)
	database := newDatabase(t, server)
	topic := newTopic(t, calm.kafka, 4)
	s := startSidecar(t, wanted{
		Program: calm.ours, App: "databaseaway", Database: database, Brokers: calm.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := read(t, calm.kafka, topic)
	l := newLoad(t, 8, 1_000_000, func(int) *sidecar { return s }, "orders", 5*time.Millisecond)

	for range 3 {
		target := l.written.Load() + 100
		eventually(t, 30*time.Second, func() (bool, string) { return l.written.Load() >= target, "writes while the database is there" })
		if err := server.Kill(t.Context()); err != nil {
			t.Fatal(err)
		}
		failed := l.failed.Load()
		eventually(t, 30*time.Second, func() (bool, string) { return l.failed.Load() > failed, "a write that fails" })
		if err := server.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	target := l.written.Load() + 100
	eventually(t, 30*time.Second, func() (bool, string) { return l.written.Load() >= target, "writes after the last return" })
	l.end()

	awaitNoRows(t, connect(t, database), 20*time.Second)
	l.awaitAll(t, events, 20*time.Second)
	wantEventsOfDocuments(t, database, events)
	t.Logf("%d writes, %d refused, %d events twice", l.written.Load(), l.failed.Load(), len(events.doubles()))
}

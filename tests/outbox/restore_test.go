package outbox_test

import (
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A relay publishes a row, and the database is restored before the relay could delete it. Another row then has the row_id. The
// relay must publish that row too, instead of deleting it.
func TestRowWithAReusedIDIsPublished(t *testing.T) {
	t.Parallel()
	const topic = "restored"
	published, restored := make(chan struct{}), make(chan struct{})
	var first sync.Once
	broker := startFaultyKafka(t, 1, topic, 1, func(k faultyKafka, _ *kmsg.ProduceRequest) *kerr.Error {
		first.Do(func() {
			close(published)
			k.delay(restored)
		})
		return nil
	})
	database := newDatabase(t, shared.postgres)
	startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "restored", Database: database, Brokers: broker.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := readTopic(t, broker, topic)
	conn := connect(t, database)
	old := beginTx(t, conn)
	writeRow(t, old, topic, "order-old", 1)
	commitTx(t, old)

	<-published // and not answered yet
	if queryInt(t, conn, `select count(pg_terminate_backend(pid)) from pg_locks where locktype = 'advisory' and granted
		and database = (select oid from pg_database where datname = current_database())`) != 1 {
		t.Fatal("no relay has the turn")
	}
	reuse := beginTx(t, conn)
	id := queryInt(t, reuse.Conn(), `with old as (delete from state where key like 'outbox-due||%' returning row_id) select row_id from old`)
	writeRow(t, reuse, topic, "order-new", 1)
	if _, err := reuse.Exec(t.Context(), `update state set row_id = $1 where key like 'outbox-due||%'`, id); err != nil {
		t.Fatal(err)
	}
	commitTx(t, reuse)
	close(restored)

	eventually(t, 10*time.Second, func() (bool, string) {
		return len(events.numbers()["order-new"]) == 1, "the event of the row with the reused row_id"
	})
	awaitNoRows(t, conn, 10*time.Second)
}

// Postgres crashes after a turn whose commit was not on disk yet (decision 0026). The deleted row is back, with a row_id behind the
// relay's floor. The relay must find it and publish its event again.
func TestDeletedRowThatIsBackIsPublished(t *testing.T) {
	t.Parallel()
	topic := newTopic(t, shared.kafka, 1)
	database := newDatabase(t, shared.postgres)
	startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "crashed", Database: database, Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := readTopic(t, shared.kafka, topic)
	conn := connect(t, database)
	for n := 1; n <= 3; n++ {
		tx := beginTx(t, conn)
		writeRow(t, tx, topic, "order", n)
		commitTx(t, tx)
		awaitNoRows(t, conn, 10*time.Second)
	}

	back := beginTx(t, conn)
	writeRow(t, back, topic, "order-back", 1)
	if _, err := back.Exec(t.Context(), `update state set row_id = 1 where key like 'outbox-due||%'`); err != nil {
		t.Fatal(err)
	}
	commitTx(t, back)

	eventually(t, 10*time.Second, func() (bool, string) {
		return len(events.numbers()["order-back"]) == 1, "the event of the row behind the floor"
	})
	awaitNoRows(t, conn, 10*time.Second)
}

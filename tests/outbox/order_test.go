package outbox_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A row that commits late, behind rows with a higher row_id that are published already, goes before the next one of its
// subject all the same: the relay looks at the head again between two pages.
func TestLateCommitKeepsItsPlace(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, calm.postgres)
	topic := newTopic(t, calm.kafka, 1)
	startSidecar(t, wanted{
		Program: calm.ours, App: "late", Database: database, Brokers: calm.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := read(t, calm.kafka, topic)

	// We have the turn, so the relay has to queue for its own.
	before, after := takeTurn(t, database), connect(t, database)
	late := begin(t, connect(t, database))
	writeRow(t, late, topic, "order-late", 1)
	other := begin(t, connect(t, database))
	writeRow(t, other, topic, "order-other", 1)
	commit(t, other)
	awaitQueue(t, database, 1)

	// And we queue behind it: we have the next turn between two pages of the relay.
	got := make(chan error, 1)
	between := begin(t, after)
	go func() {
		_, err := between.Exec(t.Context(), `set local lock_timeout = 0; set local statement_timeout = 0; `+turn)
		got <- err
	}()
	awaitQueue(t, database, 2)
	commit(t, before)
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() == 1, "the event of the first page" })
	commit(t, late)
	next := begin(t, connect(t, database))
	writeRow(t, next, topic, "order-late", 2)
	commit(t, next)
	commit(t, between)

	eventually(t, 10*time.Second, func() (bool, string) { return events.count() == 3, "all events" })
	events.wantInOrder(t)
}

// turn takes the lock that a relay publishes under (dapr/daprd/rows/table.go).
const turn = `select pg_advisory_xact_lock(x'64617072'::int, 'state'::regclass::oid::int4)`

func takeTurn(t *testing.T, database string) pgx.Tx {
	t.Helper()
	tx := begin(t, connect(t, database))
	if _, err := tx.Exec(t.Context(), turn); err != nil {
		t.Fatal(err)
	}
	return tx
}

// awaitQueue waits until so many sessions wait for their turn.
func awaitQueue(t *testing.T, database string, sessions int64) {
	t.Helper()
	conn := connect(t, database)
	eventually(t, 10*time.Second, func() (bool, string) {
		return queryInt(t, conn, `select count(*) from pg_locks where locktype = 'advisory' and not granted
			and database = (select oid from pg_database where datname = current_database())`) == sessions, "sessions that queue for a turn"
	})
}

func begin(t *testing.T, conn *pgx.Conn) pgx.Tx {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func commit(t *testing.T, tx pgx.Tx) {
	t.Helper()
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// writeRow adds an event as the sidecar does, in a transaction that the test can hold open.
func writeRow(t *testing.T, tx pgx.Tx, topic, subject string, number int) {
	t.Helper()
	_, err := tx.Exec(t.Context(), `insert into state (key, value) values (
		'outbox-due||pubsub||' || $1::text || '||' || gen_random_uuid(),
		convert_to(json_build_object('subject', $2::text, 'contentType', 'application/json', 'event', json_build_object(
			'specversion', '1.0', 'id', gen_random_uuid(), 'source', 'test', 'type', 'test.v1', 'subject', $2::text,
			'datacontenttype', 'application/json', 'data', json_build_object('number', $3::int)))::text, 'UTF8'))`, topic, subject, number)
	if err != nil {
		t.Fatal(err)
	}
}

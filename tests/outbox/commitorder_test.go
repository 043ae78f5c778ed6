package outbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A row may commit after rows with a higher row_id were published. It is still published before the next row of its subject,
// because each turn of the relay reads from its floor, which stays below the rows of open transactions.
func TestLateCommitIsPublishedBeforeTheNextEventOfItsSubject(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, shared.postgres)
	topic := newTopic(t, shared.kafka, 1)
	startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "late", Database: database, Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := readTopic(t, shared.kafka, topic)

	// The test has the turn, so the relay waits for it.
	before, after := takeTurn(t, database), connect(t, database)
	late := beginTx(t, connect(t, database))
	writeRow(t, late, topic, "order-late", 1)
	other := beginTx(t, connect(t, database))
	writeRow(t, other, topic, "order-other", 1)
	commitTx(t, other)
	awaitWaitingSessions(t, database, 1)

	// The test waits behind the relay, so it has the turn again between two pages of the relay.
	locked := make(chan error, 1)
	between := beginTx(t, after)
	go func() {
		_, err := between.Exec(t.Context(), `set local lock_timeout = 0; set local statement_timeout = 0; `+lockTurn)
		locked <- err
	}()
	awaitWaitingSessions(t, database, 2)
	commitTx(t, before)
	if err := <-locked; err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() == 1, "the event of the first page" })
	commitTx(t, late)
	next := beginTx(t, connect(t, database))
	writeRow(t, next, topic, "order-late", 2)
	commitTx(t, next)
	commitTx(t, between)

	eventually(t, 10*time.Second, func() (bool, string) { return events.count() == 3, "all events" })
	events.wantInOrder(t)
}

// lockTurn takes the lock that a relay holds during its turn (dapr/daprd/rows/table.go).
const lockTurn = `select pg_advisory_xact_lock(x'64617072'::int, 'state'::regclass::oid::int4)`

// takeTurn returns a transaction that has the turn.
func takeTurn(t *testing.T, database string) pgx.Tx {
	t.Helper()
	tx := beginTx(t, connect(t, database))
	if _, err := tx.Exec(t.Context(), lockTurn); err != nil {
		t.Fatal(err)
	}
	return tx
}

// awaitWaitingSessions returns when the given number of sessions wait for the turn.
func awaitWaitingSessions(t *testing.T, database string, sessions int64) {
	t.Helper()
	conn := connect(t, database)
	eventually(t, 10*time.Second, func() (bool, string) {
		n := queryInt(t, conn, `select count(*) from pg_locks where locktype = 'advisory' and not granted
			and database = (select oid from pg_database where datname = current_database())`)
		return n == sessions, fmt.Sprintf("%d sessions that wait for the turn", sessions)
	})
}

func beginTx(t *testing.T, conn *pgx.Conn) pgx.Tx {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tx
}

func commitTx(t *testing.T, tx pgx.Tx) {
	t.Helper()
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// writeRow writes an outbox row as the sidecar does, in a transaction that the test can keep open.
func writeRow(t *testing.T, tx pgx.Tx, topic, subject string, number int) {
	t.Helper()
	_, err := tx.Exec(t.Context(), `insert into state (key, value) values (
		'outbox-due||pubsub||' || $1::text || '||' || gen_random_uuid(),
		convert_to(json_build_object('subject', $2::text, 'contentType', 'application/json', 'event', json_build_object(
			'specversion', '1.0', 'id', gen_random_uuid(), 'source', 'test', 'type', 'test.v1', 'subject', $2::text,
			'datacontenttype', 'application/json', 'data', json_build_object('number', $3::int)))::text, 'UTF8'))`,
		topic, subject, number)
	if err != nil {
		t.Fatal(err)
	}
}

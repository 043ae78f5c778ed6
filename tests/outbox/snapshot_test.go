package outbox_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// While a snapshot is held, as by pg_dump, Postgres keeps the index entries of all events published since. The relay does not read
// through them for each event, so the blocks that it reads for an event do not grow with their number. The test is not parallel: an open
// transaction of another test, in any database of the server, holds back the floor of the relay, which then reads through them after all.
func TestHeldSnapshotDoesNotSlowTheRelay(t *testing.T) {
	const dead, measured = 100_000, 100
	database := newDatabase(t, shared.postgres)
	topic := newTopic(t, shared.kafka, 4)
	s := startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "snapshot", Database: database, Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	events := readTopic(t, shared.kafka, topic)
	conn := connect(t, database)
	eventually(t, 10*time.Second, func() (bool, string) {
		return queryInt(t, conn, `select count(*) from pg_class where relname = 'state' and reloptions::text like '%autovacuum_vacuum_scale_factor%'`) == 1,
			"the table's own settings of autovacuum"
	})
	dump, err := connect(t, database).BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dump.Exec(t.Context(), `set local idle_in_transaction_session_timeout = 0; select count(*) from state`); err != nil {
		t.Fatal(err)
	}
	turn := takeTurn(t, database) // the relay does not publish the rows before they are deleted
	for _, statement := range []string{
		`set statement_timeout = 0`,
		fmt.Sprintf(`insert into state (key, value) select 'outbox-due||pubsub||none||' || n, convert_to(repeat('x', 200), 'UTF8')
			from generate_series(1, %d) n`, dead),
		`delete from state where key like 'outbox-due||pubsub||none||%'`,
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	commitTx(t, turn)
	publish := func(name string, n int) {
		for i := range n {
			seen := events.count()
			mustCommitEvent(t, s, "orders", fmt.Sprintf("%s-%d", name, i), 1)
			eventually(t, 10*time.Second, func() (bool, string) { return events.count() > seen, "the event of " + name })
		}
	}
	publish("before", 10)
	before := readBlocks(t, conn, 10+dead)
	publish("measured", measured)
	blocks := readBlocks(t, conn, 10+dead+measured) - before
	t.Logf("%d blocks for each of %d events, beside %d dead rows", blocks/measured, measured, dead)
	if blocks/measured > 1000 { // a read through all dead rows is some 5,000 blocks
		t.Errorf("blocks read for an event: got %d, want at most 1000", blocks/measured)
	}
	var n int64
	if err := dump.QueryRow(t.Context(), `select count(*) from state`).Scan(&n); err != nil {
		t.Errorf("the snapshot was not held to the end: %v", err)
	}
}

// readBlocks returns how many blocks of the table and its indexes were read so far, as soon as the statistics count the deleted rows.
func readBlocks(t *testing.T, conn *pgx.Conn, deleted int64) (blocks int64) {
	t.Helper()
	eventually(t, 15*time.Second, func() (bool, string) {
		return queryInt(t, conn, `select n_tup_del from pg_stat_user_tables where relname = 'state'`) >= deleted, "statistics of the table"
	})
	return queryInt(t, conn, `select heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit from pg_statio_user_tables where relname = 'state'`)
}

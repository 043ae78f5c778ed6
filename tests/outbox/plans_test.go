package outbox_test

import (
	"fmt"
	"testing"
	"time"
)

// Postgres knows nothing about a table that was never analyzed. It takes documents without an expiry for rare then, and would combine the
// index of the keys with that of the expiries: each read of some documents would read an entry for every document there is.
func TestDocumentsOfANewTableAreFoundByTheirKeys(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, shared.postgres)
	s := startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "new-table", Database: database, Brokers: shared.kafka.Brokers(), Stores: []store{{Name: "documents"}},
	})
	conn := connect(t, database)
	const documents = 500 // with a table of this size, Postgres would do so
	if _, err := conn.Exec(t.Context(), `alter table state set (autovacuum_enabled = off)`); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `insert into state (key, value, etag)
		select n::text, convert_to('{"text":"' || repeat('x', 1000) || '"}', 'UTF8'), gen_random_uuid() from generate_series(1, $1) as n`,
		documents); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for n := range 20 {
		keys = append(keys, fmt.Sprint(n+1))
	}
	read := func() {
		items, err := s.client.GetBulkState(t.Context(), "documents", keys, nil, 1)
		if err != nil || len(items) != len(keys) || len(items[0].Value) == 0 {
			t.Fatalf("got %d documents, %v, want %d", len(items), err, len(keys))
		}
	}
	const reads = 20 // a connection keeps a plan from the sixth time on
	for range reads {
		read()
	}
	eventually(t, 20*time.Second, func() (bool, string) {
		read() // a session reports its statistics at the end of a statement, once a second
		scans := queryInt(t, conn, `select idx_scan from pg_stat_user_indexes where indexrelname = 'state_pkey'`)
		return scans >= reads, fmt.Sprintf("the statistics of %d reads; there are those of %d", reads, scans)
	})
	if n := queryInt(t, conn, `select idx_tup_read from pg_stat_user_indexes where indexrelname = 'state_expires_at_idx'`); n > 0 {
		t.Errorf("reads of %d documents read %d entries of the index of the expiries, want none", len(keys), n)
	}
}

package outbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/jackc/pgx/v5"
)

// Without statistics, Postgres estimates that few documents have no expiry, and combines the index of the keys with that of the expiries. Each
// read of several documents then reads an entry of the second index for every document in the table.
func TestDocumentsOfANewTableAreFoundByTheirKeys(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, shared.postgres)
	s := startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "new-table", Database: database, Brokers: shared.kafka.Brokers(), Stores: []store{{Name: "documents"}},
	})
	conn := connect(t, database)
	const documents = 500 // with a table of this size, Postgres does so unless daprd prevents it: see wantTempted
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
		if err != nil || len(items) != len(keys) || slices.ContainsFunc(items, func(i *dapr.BulkStateItem) bool { return len(i.Value) == 0 }) {
			t.Fatalf("got %v, %v, want %d documents", items, err, len(keys))
		}
	}
	wantTempted(t, conn, keys)
	const reads = 20
	for range reads {
		read()
	}
	eventually(t, 20*time.Second, func() (bool, string) {
		read() // a session reports its statistics at the end of a statement, once a second
		fetched := queryInt(t, conn, `select idx_tup_fetch from pg_stat_user_tables where relname = 'state'`)
		want := int64(reads * len(keys))
		return fetched >= want, fmt.Sprintf("the statistics of %d documents; there are those of %d", want, fetched)
	})
	if n := queryInt(t, conn, `select idx_tup_read from pg_stat_user_indexes where indexrelname = 'state_expires_at_idx'`); n > 0 {
		t.Errorf("reads of %d documents read %d entries of the index of the expiries, want none", len(keys), n)
	}
}

// wantTempted checks that Postgres, with its own settings, would read the index of the expiries for documents with these keys.
func wantTempted(t *testing.T, conn *pgx.Conn, keys []string) {
	t.Helper()
	rows, err := conn.Query(t.Context(), `explain select key, value, etag, expires_at from state
		where key = any($1) and (expires_at is null or expires_at >= now())`, keys)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if text := strings.Join(plan, "\n"); err != nil || !strings.Contains(text, "state_expires_at_idx") {
		t.Fatalf("this test proves nothing here: want a plan with the index of the expiries, got %v\n%s", err, text)
	}
}

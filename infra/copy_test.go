package infra_test

import (
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"comanda/infra"
)

// A restored database is as it was when it was copied, and its clients have to connect again.
func TestDatabaseReturnsToItsCopy(t *testing.T) {
	p := startPostgres(t, options(t, t.TempDir()))
	if err := p.CanDump(); err != nil {
		t.Logf("this machine cannot copy a database: %v", err)
		return
	}
	s, file := infra.Servers{Postgres: p}, filepath.Join(t.TempDir(), "order.dump")
	if err := p.CreateDatabase(t.Context(), "comanda_order"); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), s.DatabaseURL("order"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // also a second time
		if _, err := conn.Exec(t.Context(), `drop table if exists orders; create table orders as select 'pizza' as dish`); err != nil {
			t.Fatal(err)
		}
		if err := s.DumpDatabase(t.Context(), "order", file); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), `insert into orders values ('soup')`); err != nil {
			t.Fatal(err)
		}
		if err := s.RestoreDatabase(t.Context(), "order", file); err != nil {
			t.Fatal(err)
		}
		if err := conn.Ping(t.Context()); err == nil {
			t.Fatal("a connection outlived the database")
		}
		if conn, err = pgx.Connect(t.Context(), s.DatabaseURL("order")); err != nil {
			t.Fatal(err)
		}
		if got := query(t, p, `select string_agg(dish, ', ') from orders`); got != "pizza" {
			t.Fatalf("got %q, want the copy: pizza", got)
		}
	}
	_ = conn.Close(t.Context())
}

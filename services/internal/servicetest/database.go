// Package databasetest gives a test a real Postgres: one server per test program, one migrated database per test. The
// server is taken from wherever COMANDA_BACKING says (infra). A package that uses it has
//
//	func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }
package servicetest

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/infra"
	"comanda/services/internal/database"
)

var (
	server   *infra.Postgres // set by Run before any test begins
	previous atomic.Int64    // the number in the last database's name
)

// Run starts the server, runs the tests, stops the server and returns the exit code.
func Run(m *testing.M) int {
	kind, err := infra.KindFromEnvironment(os.Getenv)
	if err != nil {
		return failed(err)
	}
	dir, err := os.MkdirTemp("", "comanda-database-")
	if err != nil {
		return failed(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	if server, err = infra.StartPostgres(ctx, infra.Options{Dir: dir, Kind: kind, Log: os.Stderr}); err != nil {
		return failed(err)
	}
	defer func() { _ = server.Stop(ctx) }()
	return m.Run()
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, "servicetest:", err)
	return 1
}

// state is Dapr's table as its component state.postgresql v2 creates it, for tests that have no sidecar.
const state = `create table state (
	key text not null primary key,
	value bytea not null,
	etag uuid not null default gen_random_uuid(),
	created_at timestamptz not null default now(),
	updated_at timestamptz,
	expires_at timestamptz)`

// NewDatabase returns a pool on a database of the test's own, migrated with files.
func NewDatabase(t testing.TB, files fs.FS) *pgxpool.Pool {
	t.Helper()
	pool := EmptyDatabase(t)
	if err := database.Migrate(t.Context(), pool, files); err != nil {
		t.Fatal(err)
	}
	return pool
}

// EmptyDatabase returns a pool on a database of the test's own that has only Dapr's table, for tests of migrations.
func EmptyDatabase(t testing.TB) *pgxpool.Pool {
	t.Helper()
	if server == nil {
		t.Fatal("this package's TestMain has to call servicetest.Run")
	}
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), previous.Add(1))
	if err := server.CreateDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	pool, err := database.Open(server.URL(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if _, err := pool.Exec(t.Context(), state); err != nil {
		t.Fatal(err)
	}
	return pool
}

// PutDocument writes a document as the sidecar would: its key and its JSON.
func PutDocument(t testing.TB, pool *pgxpool.Pool, key, json string) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `insert into state (key, value) values ($1, convert_to($2, 'UTF8'))`, key, strings.TrimSpace(json))
	if err != nil {
		t.Fatal(err)
	}
}

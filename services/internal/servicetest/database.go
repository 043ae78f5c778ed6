package servicetest

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/infra"
	"comanda/services/internal/database"
)

var (
	server         *infra.Postgres // set by Run before the tests
	databaseNumber atomic.Int64    // the number of databases created
)

// Run starts Postgres, runs the tests, stops Postgres and returns the exit code.
func Run(m *testing.M) int {
	kind, err := infra.KindFromEnvironment(os.Getenv)
	if err != nil {
		return printError(err)
	}
	dir, err := os.MkdirTemp("", "comanda-database-")
	if err != nil {
		return printError(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx := context.Background()
	if server, err = infra.StartPostgres(ctx, infra.Options{Dir: dir, Kind: kind, Log: os.Stderr}); err != nil {
		return printError(err)
	}
	defer func() { _ = server.Stop(ctx) }()
	return m.Run()
}

// printError prints err and returns the exit code of a failure.
func printError(err error) int {
	fmt.Fprintln(os.Stderr, "servicetest:", err)
	return 1
}

// createState creates Dapr's table as its component state.postgresql v2 does.
const createState = `create table state (
	key text not null primary key,
	value bytea not null,
	etag uuid not null default gen_random_uuid(),
	created_at timestamptz not null default now(),
	updated_at timestamptz,
	expires_at timestamptz)`

// NewDatabase creates a database for the test, migrates it with files and returns a pool on it.
func NewDatabase(t testing.TB, files fs.FS) *pgxpool.Pool {
	t.Helper()
	pool := EmptyDatabase(t)
	if err := database.Migrate(t.Context(), pool, files); err != nil {
		t.Fatal(err)
	}
	return pool
}

// EmptyDatabase creates a database for the test that has only Dapr's table, and returns a pool on it.
func EmptyDatabase(t testing.TB) *pgxpool.Pool {
	t.Helper()
	if server == nil {
		t.Fatal("no Postgres is running: call servicetest.Run in this package's TestMain")
	}
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), databaseNumber.Add(1))
	if err := server.CreateDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	pool, err := database.Open(server.URL(name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	if _, err := pool.Exec(t.Context(), createState); err != nil {
		t.Fatal(err)
	}
	return pool
}

// PutDocument inserts a document's key and JSON into Dapr's table, as the sidecar does.
func PutDocument(t testing.TB, pool *pgxpool.Pool, key, json string) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `insert into state (key, value) values ($1, convert_to($2, 'UTF8'))`, key,
		strings.TrimSpace(json))
	if err != nil {
		t.Fatal(err)
	}
}

// Age makes all documents older by d, as if the database's clock had moved on.
func Age(t testing.TB, pool *pgxpool.Pool, d time.Duration) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `update state set created_at = created_at - $1::interval, updated_at = updated_at - $1::interval`, d)
	if err != nil {
		t.Fatal(err)
	}
}

package database_test

import (
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"comanda/services/internal/database"
	"comanda/services/internal/servicetest"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

var files = fstest.MapFS{
	"migrations/00001_dishes.sql": {Data: []byte("-- +goose Up\n" +
		"create table dishes (id int primary key);\ninsert into dishes values (1);\n")},
	"migrations/00002_view.sql": {Data: []byte("-- +goose Up\n" +
		"create index on state ((doc(value)->>'name')) where key like 'dish-%';\n")},
}

func TestConcurrentMigrationsRunOnce(t *testing.T) {
	t.Parallel()
	pool := servicetest.EmptyDatabase(t)
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if err := database.Migrate(t.Context(), pool, files); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var dishes int
	if err := pool.QueryRow(t.Context(), `select count(*) from dishes`).Scan(&dishes); err != nil || dishes != 1 {
		t.Fatalf("got %d dishes, %v, want 1", dishes, err)
	}
}

func TestMigrateFailsWithoutTheSidecarsTable(t *testing.T) {
	t.Parallel()
	pool := servicetest.EmptyDatabase(t)
	if _, err := pool.Exec(t.Context(), `drop table state`); err != nil {
		t.Fatal(err)
	}
	err := database.Migrate(t.Context(), pool, files)
	if err == nil || !strings.Contains(err.Error(), "sidecar") {
		t.Fatalf("got error %v, want one that names the sidecar", err)
	}
}

func TestOpenErrorHidesThePassword(t *testing.T) {
	t.Parallel()
	_, err := database.Open("postgres://me:hunter2@:bad:port/x")
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("got error %v, want one without the password", err)
	}
}

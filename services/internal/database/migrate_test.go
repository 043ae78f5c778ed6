package database_test

import (
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"comanda/services/internal/database"
	"comanda/services/internal/servicetest"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

var files = fstest.MapFS{
	"migrations/00001_dishes.sql": {Data: []byte("-- +goose Up\n" +
		"create table dishes (id int primary key);\ninsert into dishes values (1);\n")},
	"migrations/00002_index.sql": {Data: []byte("-- +goose Up\n" +
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

// A replica that is frozen while it migrates keeps the others from starting for idleTimeout and not longer.
func TestFrozenMigrationLosesItsLock(t *testing.T) {
	t.Parallel()
	pool := servicetest.EmptyDatabase(t)
	hole, address := through(t, pool)
	frozen, err := database.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Close()
	defer hole.close() // first: the pool waits for what it closes
	slow := fstest.MapFS{"migrations/00001_slow.sql": {Data: []byte("-- +goose NO TRANSACTION\n-- +goose Up\nselect pg_sleep(0.5);\n")}}
	ended := make(chan error, 1)
	go func() { ended <- database.Migrate(t.Context(), frozen, slow) }()
	eventually(t, "the migration to run", func() bool {
		var running bool
		err := pool.QueryRow(t.Context(), `select exists (select from pg_stat_activity
			where query = 'select pg_sleep(0.5);' and state = 'active' and datname = current_database())`).Scan(&running)
		return err == nil && running
	})
	hole.mu.Lock()
	hole.swallow = true // the client hears nothing more, and says nothing more
	hole.mu.Unlock()
	began := time.Now()
	if err := database.Migrate(t.Context(), pool, slow); err != nil {
		t.Errorf("the other replica: got error %v, want none", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("a frozen replica held the others up for %s", took)
	}
	if err := <-ended; err == nil {
		t.Error("the frozen replica: got no error, want one: its session has ended")
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

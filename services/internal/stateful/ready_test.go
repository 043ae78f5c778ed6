package stateful

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/fstest"

	"comanda/services/internal/database"
	"comanda/services/internal/databasetest"
	"comanda/services/internal/metrics"
)

func TestMain(m *testing.M) { os.Exit(databasetest.Run(m)) }

// Before its table is there, nobody asks for it.
func TestWhatWaitsIsAskedForOnceStarted(t *testing.T) {
	parts := Parts{Pool: databasetest.Empty(t)}
	ask := parts.WhenStarted(func(ctx context.Context) (b metrics.Backlog, err error) {
		return b, parts.Pool.QueryRow(ctx, `select count(*) from dishes`).Scan(&b.Count)
	})
	asked := func() int64 { return parts.Pool.Stat().AcquireCount() }
	before := asked()
	if _, err := ask(t.Context()); err == nil || asked() != before {
		t.Errorf("before the start: %v, asked %d times", err, asked()-before)
	}
	rooms := Rooms{
		Migrations: fstest.MapFS{"migrations/00001_dishes.sql": {Data: []byte("-- +goose Up\ncreate table dishes (id int);\n")}},
		Furnish:    func(context.Context) error { return errors.New("no sidecar yet") },
	}
	if err := parts.start(t.Context(), rooms); err == nil {
		t.Fatal("it has started")
	}
	if _, err := ask(t.Context()); err == nil {
		t.Error("asked before the start succeeded")
	}
	rooms.Furnish = nil
	if err := parts.start(t.Context(), rooms); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t.Context()); err != nil {
		t.Errorf("after the start: %v", err)
	}
}

// Anyone may ask whether a service is ready, so the answer does not tell where its database is.
func TestNotReadyTellsNothingOfTheInside(t *testing.T) {
	pool, err := database.Open("postgres://somebody:secret@127.0.0.1:1/things")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	parts := Parts{Pool: pool}
	if err := parts.ready(t.Context()); err == nil || err.Error() != "the database does not answer" {
		t.Errorf("ready says %v", err)
	}
}

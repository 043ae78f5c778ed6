package server

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/fstest"

	"comanda/services/internal/database"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/telemetry"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

// Before its table is there, nobody asks for it.
func TestWhatWaitsIsAskedForOnceStarted(t *testing.T) {
	service := Stateful{Pool: servicetest.EmptyDatabase(t)}
	ask := service.OnceStarted(func(ctx context.Context) (b telemetry.Backlog, err error) {
		return b, service.Pool.QueryRow(ctx, `select count(*) from dishes`).Scan(&b.Count)
	})
	asked := func() int64 { return service.Pool.Stat().AcquireCount() }
	before := asked()
	if _, err := ask(t.Context()); err == nil || asked() != before {
		t.Errorf("before the start: %v, asked %d times", err, asked()-before)
	}
	handlers := Handlers{
		Migrations: fstest.MapFS{"migrations/00001_dishes.sql": {Data: []byte("-- +goose Up\ncreate table dishes (id int);\n")}},
		Seed:       func(context.Context) error { return errors.New("no sidecar yet") },
	}
	if err := service.start(t.Context(), handlers); err == nil {
		t.Fatal("it has started")
	}
	if _, err := ask(t.Context()); err == nil {
		t.Error("asked before the start succeeded")
	}
	handlers.Seed = nil
	if err := service.start(t.Context(), handlers); err != nil {
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
	service := Stateful{Pool: pool}
	if err := service.checkReady(t.Context()); err == nil || err.Error() != "the database does not answer" {
		t.Errorf("ready says %v", err)
	}
}

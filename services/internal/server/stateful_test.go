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

// Before the migrations the backlog's table does not exist.
func TestOnceStartedQueriesOnlyAfterTheStart(t *testing.T) {
	service := Stateful{Pool: servicetest.EmptyDatabase(t)}
	query := service.OnceStarted(func(ctx context.Context) (b telemetry.Backlog, err error) {
		return b, service.Pool.QueryRow(ctx, `select count(*) from dishes`).Scan(&b.Count)
	})
	acquires := func() int64 { return service.Pool.Stat().AcquireCount() }
	before := acquires()
	if _, err := query(t.Context()); err == nil || acquires() != before {
		t.Errorf("before the start: got error %v and %d queries, want an error and none", err, acquires()-before)
	}
	handlers := Handlers{
		Migrations: fstest.MapFS{"migrations/00001_dishes.sql": {Data: []byte("-- +goose Up\ncreate table dishes (id int);\n")}},
		Seed:       func(context.Context) error { return errors.New("no sidecar yet") },
	}
	if err := service.start(t.Context(), handlers); err == nil {
		t.Fatal("got no error from start, want that of Seed")
	}
	if _, err := query(t.Context()); err == nil {
		t.Error("after a failed start: got no error, want one")
	}
	handlers.Seed = nil
	if err := service.start(t.Context(), handlers); err != nil {
		t.Fatal(err)
	}
	if _, err := query(t.Context()); err != nil {
		t.Errorf("after the start: got error %v", err)
	}
}

// /readyz is public, so its response must not reveal the database's address.
func TestCheckReadyHidesTheDatabasesAddress(t *testing.T) {
	pool, err := database.Open("postgres://user:secret@127.0.0.1:1/things")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	service := Stateful{health: pool}
	if err := service.checkReady(t.Context()); err == nil || err.Error() != "the database does not answer" {
		t.Errorf("got error %v, want \"the database does not answer\"", err)
	}
}

// The sidecar pauses a service whose health check fails, so requests that hold every connection must not delay it.
func TestHealthChecksDoNotWaitBehindRequests(t *testing.T) {
	config := StatefulConfig{Config: Config{LogLevel: "error", Sidecar: SidecarConfig{Host: "127.0.0.1", HTTPPort: 1, GRPCPort: 1}}}
	service, err := OpenStateful("test", config, servicetest.EmptyDatabase(t).Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	for range service.Pool.Config().MaxConns {
		connection, err := service.Pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Release()
	}
	if err := service.checkDatabase(t.Context()); err != nil {
		t.Errorf("got %v while requests hold every connection, want no error", err)
	}
}

package server

import (
	"context"
	"errors"
	"os"
	"testing"
	"testing/fstest"

	"comanda/services/internal/database"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/signature"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/token"
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

// With DATABASE_REQUIRE_TLS a service does not start on a database whose certificate it would not check.
func TestOpenStatefulRequiresTLSToTheDatabase(t *testing.T) {
	config := StatefulConfig{Config: Config{LogLevel: "info"}, Keys: token.Keys{Current: token.Secret("0123456789abcdef0123456789abcdef")},
		EventKeys: servicetest.EventKeys}
	var eventKey signature.PrivateKey
	if err := eventKey.UnmarshalText([]byte(servicetest.EventSettings["ORDER_EVENT_SIGNING_KEY"])); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		required bool
		mode     string
		accepted bool
	}{{true, "verify-full", true}, {true, "require", false}, {false, "disable", true}} {
		config.RequireTLS = tc.required
		service, err := OpenStateful("order", config, "postgres://order:hunter2@db.example.com/order?sslmode="+tc.mode, eventKey)
		if err == nil {
			service.Close()
		} else if err.Error() != "ORDER_DATABASE_URL: must contain sslmode=verify-full: DATABASE_REQUIRE_TLS is set" {
			t.Errorf("%+v: got the error %v", tc, err)
		}
		if err == nil != tc.accepted {
			t.Errorf("%+v: got %v", tc, err)
		}
	}
}

// /readyz is public, so its response must not reveal the database's address.
func TestCheckReadyHidesTheDatabasesAddress(t *testing.T) {
	pool, err := database.Open("postgres://user:secret@127.0.0.1:1/things")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	health, err := database.NewHealth(pool)
	if err != nil {
		t.Fatal(err)
	}
	defer health.Close()
	service := Stateful{Pool: pool, health: health}
	if err := service.checkReady(t.Context()); err == nil || err.Error() != "the database does not answer" {
		t.Errorf("got error %v, want \"the database does not answer\"", err)
	}
}

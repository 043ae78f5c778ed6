package infra_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"comanda/infra"
)

func options(t *testing.T, dir string) infra.Options {
	t.Helper()
	kind, err := infra.KindFromEnvironment(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	if kind == infra.External {
		t.Skip("what is external is not ours to kill")
	}
	return infra.Options{Dir: dir, Kind: kind, Log: t.Output()}
}

func postgres(t *testing.T, o infra.Options) *infra.Postgres {
	t.Helper()
	p, err := infra.StartPostgres(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

func query(t *testing.T, p *infra.Postgres, sql string) (answer string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.URL("comanda_order"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if err := conn.QueryRow(t.Context(), sql).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

func TestPostgresKeepsCommittedRowsWhenKilled(t *testing.T) {
	p := postgres(t, options(t, t.TempDir()))
	for range 2 { // the second time it is there already
		if err := p.CreateDatabase(t.Context(), "comanda_order"); err != nil {
			t.Fatal(err)
		}
	}
	query(t, p, "with made as (select 1) select 'x'")
	conn, err := pgx.Connect(t.Context(), p.URL("comanda_order"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), "create table orders as select 'pizza' as dish"); err != nil {
		t.Fatal(err)
	}
	if err := p.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := conn.Ping(t.Context()); err == nil {
		t.Fatal("a connection outlived the killed server")
	}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := query(t, p, "select dish from orders"); got != "pizza" {
		t.Fatalf("after the restart: %q", got)
	}
	if got := query(t, p, "show fsync"); got != "on" {
		t.Fatalf("fsync is %s", got)
	}
}

func TestPostgresFindsYesterdaysData(t *testing.T) {
	o := options(t, t.TempDir())
	if o.Kind == infra.Containers {
		t.Skip("a container's data ends with it")
	}
	first := postgres(t, o)
	if err := first.CreateDatabase(t.Context(), "comanda_order"); err != nil {
		t.Fatal(err)
	}
	if _, err := infra.StartPostgres(t.Context(), o); err == nil {
		t.Fatal("a second server on the same data was not refused")
	}
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := postgres(t, o)
	if got := query(t, second, "select current_database()::text"); got != "comanda_order" {
		t.Fatalf("found %q", got)
	}
}

func TestPostgresRefusesAWrongPassword(t *testing.T) {
	p := postgres(t, options(t, t.TempDir()))
	config, err := pgx.ParseConfig(p.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	config.Password = "guess"
	if conn, err := pgx.ConnectConfig(t.Context(), config); err == nil {
		_ = conn.Close(context.Background())
		t.Fatal("any password opens it")
	}
}

func TestKindFromEnvironment(t *testing.T) {
	for value, want := range map[string]infra.Kind{"": infra.Embedded, "apache": infra.Apache, "external": infra.External} {
		got, err := infra.KindFromEnvironment(func(string) string { return value })
		if err != nil || got != want {
			t.Errorf("%q: %q, %v", value, got, err)
		}
	}
	if _, err := infra.KindFromEnvironment(func(string) string { return "mysql" }); err == nil {
		t.Error("mysql was accepted")
	}
}

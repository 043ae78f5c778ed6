package infra_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"comanda/infra"
)

// options returns the options of a server with its data in dir. It skips the test if COMANDA_BACKING names external servers.
func options(t *testing.T, dir string) infra.Options {
	t.Helper()
	kind, err := infra.KindFromEnvironment(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	if kind == infra.External {
		t.Skip("an external server cannot be killed")
	}
	return infra.Options{Dir: dir, Kind: kind, Log: t.Output()}
}

func startPostgres(t *testing.T, o infra.Options) *infra.Postgres {
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

func query(t *testing.T, p *infra.Postgres, sql string) (value string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), p.URL("comanda_order"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if err := conn.QueryRow(t.Context(), sql).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

func TestKilledPostgresKeepsCommittedRows(t *testing.T) {
	p := startPostgres(t, options(t, t.TempDir()))
	for range 2 { // the second time it exists already
		if err := p.CreateDatabase(t.Context(), "comanda_order"); err != nil {
			t.Fatal(err)
		}
	}
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
		t.Fatalf("got %q after the restart, want pizza", got)
	}
	if got := query(t, p, "show fsync"); got != "on" {
		t.Fatalf("got fsync %s, want on", got)
	}
}

func TestPostgresServesTheDataOfAnEarlierRun(t *testing.T) {
	o := options(t, t.TempDir())
	if o.Kind == infra.Containers {
		t.Skip("a container's data is removed with it")
	}
	first := startPostgres(t, o)
	if err := first.CreateDatabase(t.Context(), "comanda_order"); err != nil {
		t.Fatal(err)
	}
	if _, err := infra.StartPostgres(t.Context(), o); err == nil {
		t.Fatal("a second server started on the same data, want an error")
	}
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := startPostgres(t, o)
	if got := query(t, second, "select current_database()::text"); got != "comanda_order" {
		t.Fatalf("got the database %q, want comanda_order", got)
	}
}

func TestPostgresRejectsAWrongPassword(t *testing.T) {
	p := startPostgres(t, options(t, t.TempDir()))
	config, err := pgx.ParseConfig(p.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	config.Password = "guess"
	if conn, err := pgx.ConnectConfig(t.Context(), config); err == nil {
		_ = conn.Close(context.Background())
		t.Fatal("a wrong password was accepted")
	}
}

func TestKindFromEnvironmentAcceptsKnownValuesOnly(t *testing.T) {
	for value, want := range map[string]infra.Kind{"": infra.Embedded, "apache": infra.Apache, "external": infra.External} {
		got, err := infra.KindFromEnvironment(func(string) string { return value })
		if err != nil || got != want {
			t.Errorf("COMANDA_BACKING=%q: got %q (error: %v), want %q", value, got, err, want)
		}
	}
	if _, err := infra.KindFromEnvironment(func(string) string { return "mysql" }); err == nil {
		t.Error("mysql was accepted")
	}
}

// The values of a row that a unique index refuses, such as an e-mail, are not in Postgres' log.
func TestPostgresLogsNoValues(t *testing.T) {
	o := options(t, t.TempDir())
	p := startPostgres(t, o)
	if err := p.CreateDatabase(t.Context(), "comanda_order"); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), p.URL("comanda_order"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), `create table people (email text unique)`); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, err = conn.Exec(t.Context(), `insert into people values ($1)`, "ana@example.com")
	}
	log, failed := os.ReadFile(filepath.Join(o.Dir, "logs", "postgres.log"))
	if err == nil || failed != nil || !strings.Contains(string(log), "duplicate key") {
		t.Fatalf("got %v, %v and the log %s, want a duplicate key", err, failed, log)
	}
	if strings.Contains(string(log), "ana@example.com") {
		t.Errorf("the log has the value: %s", log)
	}
}

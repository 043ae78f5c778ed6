package infra

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// CanDump returns an error if this machine cannot make and restore copies of databases: a downloaded Postgres has no pg_dump.
func (p *Postgres) CanDump() error {
	for _, program := range []string{"pg_dump", "pg_restore"} {
		if _, err := exec.LookPath(p.program(program)); err != nil {
			return err
		}
	}
	return nil
}

// DumpDatabase writes a copy of a service's database, as it is now, to a file, while the service works on.
func (s *Servers) DumpDatabase(ctx context.Context, service, file string) error {
	return s.Postgres.run(ctx, databaseName(service), "pg_dump", "--format=custom", "--file="+file)
}

// RestoreDatabase replaces a service's database by the copy in a file. It first restores the copy beside the database. Then it
// disconnects all clients and exchanges the two.
func (s *Servers) RestoreDatabase(ctx context.Context, service, file string) error {
	name, restored := databaseName(service), databaseName(service)+"_restored"
	quoted, quotedRestored := pgx.Identifier{name}.Sanitize(), pgx.Identifier{restored}.Sanitize()
	if err := s.Postgres.execute(ctx, "drop database if exists "+quotedRestored, "create database "+quotedRestored); err != nil {
		return err
	}
	if err := s.Postgres.run(ctx, restored, "pg_restore", "--no-owner", "--exit-on-error", "--dbname="+restored, file); err != nil {
		return err
	}
	return s.Postgres.execute(ctx, "drop database "+quoted+" with (force)", "alter database "+quotedRestored+" rename to "+quoted)
}

// execute runs statements on the database postgres, without the timeout that a service's statements have.
func (p *Postgres) execute(ctx context.Context, statements ...string) error {
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, statement := range append([]string{"set statement_timeout = 0"}, statements...) {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// run runs a client program of Postgres on a database.
func (p *Postgres) run(ctx context.Context, database, program string, arguments ...string) error {
	config, err := pgx.ParseConfig(p.URL(database))
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, p.program(program), arguments...)
	cmd.Env = append(os.Environ(), "PGHOST="+config.Host, "PGPORT="+strconv.Itoa(int(config.Port)), "PGUSER="+config.User,
		"PGPASSWORD="+config.Password, "PGDATABASE="+database)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s of %s: %w: %s", program, database, err, joinLastLines(string(out), 3))
	}
	return nil
}

// program returns the path of a client program, or its name if it is found by PATH.
func (p *Postgres) program(name string) string { return filepath.Join(p.programs, name) }

package growth

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"comanda/infra"
)

// chunk is how many aggregates one statement writes.
const chunk = 20_000

// bulk is a session that writes many rows into a service's database while its service does not run.
type bulk struct {
	*pgx.Conn
	service string
	indexes []string // the definitions of the indexes that it has dropped
}

// openBulk opens a session without time limits and triggers: a trigger that counts a customer's open orders would hold a lock for each
// customer until the commit.
func openBulk(ctx context.Context, servers *infra.Servers, service string) (*bulk, error) {
	conn, err := pgx.Connect(ctx, servers.DatabaseURL(service))
	if err != nil {
		return nil, err
	}
	for _, setting := range []string{
		"statement_timeout = 0", "lock_timeout = 0", "idle_in_transaction_session_timeout = 0", "session_replication_role = replica",
		"synchronous_commit = off", "timezone = 'UTC'", "maintenance_work_mem = '1GB'", "work_mem = '256MB'", "jit = off",
	} {
		if _, err := conn.Exec(ctx, "set "+setting); err != nil {
			return nil, errors.Join(fmt.Errorf("set %s: %w", setting, err), conn.Close(ctx))
		}
	}
	return &bulk{Conn: conn, service: service}, nil
}

// dropIndexes drops the indexes of these tables, except those of constraints: making them at the end takes a fraction of the time.
func (b *bulk) dropIndexes(ctx context.Context, tables []string) error {
	rows, err := b.Query(ctx, `select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index
		where indrelid = any($1::text[]::regclass[]) and not exists (select from pg_constraint where conindid = indexrelid)`, tables)
	if err != nil {
		return err
	}
	var name, definition string
	definitions := map[string]string{}
	if _, err := pgx.ForEachRow(rows, []any{&name, &definition}, func() error {
		definitions[name] = definition
		return nil
	}); err != nil {
		return err
	}
	for name, definition := range definitions {
		if _, err := b.Exec(ctx, "drop index "+name); err != nil {
			return err
		}
		b.indexes = append(b.indexes, definition)
	}
	return nil
}

// tune sets the server up for much writing, or with reset back again: few checkpoints, no full pages in the write-ahead log, no autovacuum.
func tune(ctx context.Context, servers *infra.Servers, reset bool) error {
	conn, err := pgx.Connect(ctx, servers.Postgres.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	statements := []string{"set statement_timeout = 0"}
	for name, value := range map[string]string{"max_wal_size": "'32GB'", "full_page_writes": "off", "autovacuum": "off"} {
		if reset {
			statements = append(statements, "alter system reset "+name)
		} else {
			statements = append(statements, "alter system set "+name+" = "+value)
		}
	}
	for _, statement := range append(statements, "select pg_reload_conf()", "checkpoint") {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// finish makes the indexes again, and vacuums and analyzes the tables, as autovacuum would have done in months.
func (b *bulk) finish(ctx context.Context, tables []string, say func(string, ...any)) error {
	for _, definition := range b.indexes {
		if _, err := b.Exec(ctx, definition); err != nil {
			return fmt.Errorf("%s: %w", definition, err)
		}
	}
	say("%s: %d indexes made", b.service, len(b.indexes))
	for _, table := range tables {
		if _, err := b.Exec(ctx, "vacuum analyze "+table); err != nil {
			return err
		}
	}
	say("%s: %d tables vacuumed", b.service, len(tables))
	return nil
}

// multiply writes one row of each template for each of the numbers from 1 to n, in the order of the numbers.
func (b *bulk) multiply(ctx context.Context, n int, templates []numbered, say func(string, ...any)) error {
	if len(templates) == 0 {
		return nil
	}
	statements := make([]string, len(templates))
	for i, t := range templates {
		columns, err := columnsOf(ctx, b.Conn, t.table)
		if err != nil {
			return err
		}
		statements[i] = t.statement(columns, t.source)
	}
	for first := 1; first <= n; first += chunk {
		last := min(first+chunk-1, n)
		for i, t := range templates {
			if _, err := b.Exec(ctx, statements[i], t.format, first, last); err != nil {
				return fmt.Errorf("%s: %w", t.table, err)
			}
		}
		say("%s: %d of %d %s", b.service, last, n, templates[0].kind)
	}
	return nil
}

// numbered is a template with the numbered rows s for which it is written.
type numbered struct {
	template
	kind   string // for the progress
	source string // the SQL of s; its arguments $2 and $3 are the first and the last number
}

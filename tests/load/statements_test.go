package load

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"comanda/tests/system"
)

// countStatements makes Postgres count what each statement costs, to plan and to run. That needs a restart.
func countStatements(ctx context.Context, sys *system.System) error {
	conn, err := pgx.Connect(ctx, sys.Postgres.URL("postgres"))
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `alter system set shared_preload_libraries = 'pg_stat_statements'`)
	if err := errors.Join(err, conn.Close(ctx), sys.Postgres.Stop(ctx), sys.Postgres.Start(ctx)); err != nil {
		return err
	}
	if conn, err = pgx.Connect(ctx, sys.Postgres.URL("postgres")); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, `create extension if not exists pg_stat_statements`)
	if err == nil {
		_, err = conn.Exec(ctx, `alter system set pg_stat_statements.track_planning = on`)
	}
	if err == nil {
		_, err = conn.Exec(ctx, `select pg_reload_conf()`)
	}
	return errors.Join(err, conn.Close(ctx), sys.AwaitReady(ctx))
}

// expensiveStatements returns the WAL of each database, and the n statements that took the most time. The counts include the system's start,
// which is cheap compared with the orders.
func expensiveStatements(ctx context.Context, sys *system.System, n int) (string, error) {
	conn, err := pgx.Connect(ctx, sys.Postgres.URL("postgres"))
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, err := conn.Query(ctx, `
		select datname, calls, round(total_exec_time::numeric), plans, round(total_plan_time::numeric), wal_bytes::bigint,
		       left(regexp_replace(query, '\s+', ' ', 'g'), 110)
		from (select dbid, sum(calls)::bigint as calls, sum(total_exec_time) as total_exec_time,
		             sum(plans)::bigint as plans, sum(total_plan_time) as total_plan_time, sum(wal_bytes) as wal_bytes, '(all)' as query
		      from pg_stat_statements group by dbid
		      union all (select dbid, calls, total_exec_time, plans, total_plan_time, wal_bytes, query from pg_stat_statements
		                 order by total_exec_time + total_plan_time desc limit $1)
		     ) as counted join pg_database on oid = dbid
		order by query = '(all)' desc, total_exec_time + total_plan_time desc`, n)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%-16s %9s %9s %9s %9s %12s  statement\n", "database", "calls", "run ms", "plans", "plan ms", "WAL bytes")
	var database, query string
	var calls, took, plans, planning, bytes int64
	_, err = pgx.ForEachRow(rows, []any{&database, &calls, &took, &plans, &planning, &bytes, &query}, func() error {
		fmt.Fprintf(&text, "%-16s %9d %9d %9d %9d %12d  %s\n", database, calls, took, plans, planning, bytes, query)
		return nil
	})
	return text.String(), err
}

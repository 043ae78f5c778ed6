package database

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// errNoState is returned until the sidecar has created Dapr's table.
var errNoState = errors.New("the sidecar has not created the table state yet")

// migrationLock is the advisory lock that guards the creation of the function doc. The number is arbitrary, and no other lock uses it.
const migrationLock = 7301

// sharedMigrations create the tables that every service has, such as the audit trail. goose records their versions in a table of
// their own, apart from the service's migrations.
//
//go:embed shared/migrations/*.sql
var sharedMigrations embed.FS

// Migrate migrates the schema with sharedMigrations, then with goose's *.sql files in the folder "migrations" of files. Several
// replicas may call it at the same time; they take turns. It fails while the database is unreachable, and until the sidecar has
// created the table `state`, which views and indexes need. The caller retries.
func Migrate(ctx context.Context, pool *pgxpool.Pool, files fs.FS) error {
	ctx = Unlimited(ctx) // a migration that needs more time sets its own limits in its session
	if err := createDocFunction(ctx, pool); err != nil {
		return err
	}
	shared, err := fs.Sub(sharedMigrations, "shared")
	if err != nil {
		return err
	}
	if err := migrateFiles(ctx, pool, shared, goose.WithTableName("goose_shared_version")); err != nil {
		return err
	}
	return migrateFiles(ctx, pool, files)
}

// migrateFiles runs the migrations in the folder "migrations" of files. goose's lock lets one replica at a time do so.
func migrateFiles(ctx context.Context, pool *pgxpool.Pool, files fs.FS, options ...goose.ProviderOption) error {
	files, err := fs.Sub(files, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60)) // tries once a second, 60 times
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*sessionForMigrations(pool))
	defer func() { _ = db.Close() }()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, append(options, goose.WithSessionLocker(locker))...)
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// sessionForMigrations returns the settings of the session that migrates. It holds goose's lock, which belongs to the session, and each
// replica migrates before it serves. A replica that is frozen between two statements must not keep the others from starting: Postgres
// ends this session when it is idle for longer than idleTimeout. The pool's sessions have no such limit, because they may be idle for long.
func sessionForMigrations(pool *pgxpool.Pool) *pgx.ConnConfig {
	config := pool.Config().ConnConfig
	config.RuntimeParams["idle_session_timeout"] = millis(idleTimeout)
	for name := range steadyPlans { // a migration runs once and may scan
		delete(config.RuntimeParams, name)
	}
	return config
}

// createDocFunction creates the SQL function doc, which reads a document of Dapr's table as jsonb. It is declared immutable
// so that indexes can use it. Postgres declares convert_from only stable, because encodings can be redefined; ours are not.
// It is in PL/pgSQL, which a session compiles once. Postgres would parse and plan a function in SQL for each index that uses it, in
// every statement that writes a document.
func createDocFunction(ctx context.Context, pool *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, migrationLock); err != nil {
			return err
		}
		var exists bool
		if err := tx.QueryRow(ctx, `select to_regclass('state') is not null`).Scan(&exists); err != nil {
			return err
		}
		if !exists {
			return errNoState
		}
		_, err := tx.Exec(ctx, `create or replace function doc(value bytea) returns jsonb
			language plpgsql immutable strict parallel safe as $$ begin return convert_from(value, 'UTF8')::jsonb; end $$`)
		return err
	})
}

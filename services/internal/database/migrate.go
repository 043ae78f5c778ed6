package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// errNoState says that the sidecar has not made Dapr's table yet.
var errNoState = errors.New("the sidecar has not created the table state yet")

// migrationLock is the advisory lock under which shared parts of the schema are made. Any number of our own does.
const migrationLock = 7301

// Migrate brings the schema up to date from files, which has goose's *.sql files in a folder "migrations". It can run in several replicas at
// once: they take turns. It fails while the sidecar has not created the table `state`, on which views and indexes stand,
// or while the database is away; the caller tries again.
func Migrate(ctx context.Context, pool *pgxpool.Pool, files fs.FS) error {
	if err := prepare(ctx, pool); err != nil {
		return err
	}
	files, err := fs.Sub(files, "migrations")
	if err != nil {
		return err
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60)) // once a second, a minute long
	if err != nil {
		return err
	}
	db := stdlib.OpenDBFromPool(pool)
	defer func() { _ = db.Close() }()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// prepare makes what every schema has in common: the function doc, which reads a document of Dapr's table as jsonb. It is
// declared immutable, so that indexes may use it; convert_from is only stable, because encodings could be redefined, which
// nobody does.
func prepare(ctx context.Context, pool *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock($1)`, migrationLock); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, `select to_regclass('state') is not null`).Scan(&there); err != nil {
			return err
		}
		if !there {
			return errNoState
		}
		_, err := tx.Exec(ctx, `create or replace function doc(value bytea) returns jsonb
			language sql immutable strict parallel safe as $$ select convert_from(value, 'UTF8')::jsonb $$`)
		return err
	})
}

// Ping asks whether the database answers, for at most a second.
func Ping(ctx context.Context, pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return pool.Ping(ctx)
}

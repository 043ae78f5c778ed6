package database_test

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/database"
	"comanda/services/internal/fault"
	"comanda/services/internal/servicetest"
)

// A client that freezes inside a transaction, such as a stopped process, keeps its locks for at most idleTimeout. Statements that wait
// for the lock fail with an error that is retried.
func TestFrozenTransactionLosesItsLocks(t *testing.T) {
	t.Parallel()
	pool := servicetest.EmptyDatabase(t)
	if _, err := pool.Exec(t.Context(), `create table stock as select 1 as dish, 5 as available`); err != nil {
		t.Fatal(err)
	}
	frozen, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = frozen.Rollback(context.WithoutCancel(t.Context())) }()
	const reserve = `update stock set available = available - 1 where dish = 1`
	if _, err := frozen.Exec(t.Context(), reserve); err != nil {
		t.Fatal(err)
	}
	began := time.Now() // from here on the frozen client does nothing
	for attempt := 1; ; attempt++ {
		_, err := pool.Exec(t.Context(), reserve)
		if err == nil {
			t.Logf("the lock was free after %s, in attempt %d", time.Since(began), attempt)
			break
		}
		if !fault.Is(err, fault.KindUnavailable) {
			t.Fatalf("got error %v, want one that is retried", err)
		}
		if time.Since(began) > 15*time.Second {
			t.Fatal("the lock of a frozen client is still held after 15 s")
		}
	}
	if err := frozen.Commit(t.Context()); err == nil {
		t.Error("the frozen transaction committed after it had lost its lock")
	}
	var available int
	if err := pool.QueryRow(t.Context(), `select available from stock`).Scan(&available); err != nil || available != 4 {
		t.Errorf("got %d available, %v, want 4: only one of the two reservations took effect", available, err)
	}
}

// Postgres probes the connections of clients that have vanished.
func TestConnectionsAreProbed(t *testing.T) {
	t.Parallel()
	address, err := url.Parse(servicetest.EmptyDatabase(t).Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	address.RawQuery = "sslmode=disable" // without the limits that the URL of a sidecar needs
	pool, err := database.Open(address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var idle, user string
	err = pool.QueryRow(t.Context(), `select current_setting('tcp_keepalives_idle'), current_setting('tcp_user_timeout')`).Scan(&idle, &user)
	if err != nil || idle != "5" || user != "11000" {
		t.Errorf("got keepalives after %s s and a user timeout of %s ms, %v, want 5 and 11000", idle, user, err)
	}
}

// A connection whose packets vanish ends a statement, and a batch of them, after seconds, although the caller would wait for longer.
func TestBlackHoleEndsAStatement(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(context.Context, pgx.Tx) error{
		"statement": func(ctx context.Context, tx pgx.Tx) error {
			_, err := tx.Exec(ctx, `select 1`)
			return err
		},
		"batch": func(ctx context.Context, tx pgx.Tx) error {
			batch := &pgx.Batch{}
			batch.Queue(`select 1`)
			return tx.SendBatch(ctx, batch).Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hole, address := through(t, servicetest.EmptyDatabase(t))
			pool, err := database.Open(address)
			if err != nil {
				t.Fatal(err)
			}
			defer pool.Close()
			defer hole.close() // first: the pool waits for what it closes
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			began := time.Now()
			err = pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
				hole.mu.Lock()
				hole.swallow = true
				hole.mu.Unlock()
				began = time.Now()
				return run(ctx, tx)
			})
			if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 8*time.Second {
				t.Errorf("got %v after %s, want the deadline of the client within 8 s", err, took)
			}
		})
	}
}

// A server that has become read-only, such as a demoted primary, counts as unavailable. When it accepts writes again, the pool works
// again, because it has kept no connection to the read-only server.
func TestReadOnlyServerIsUnavailable(t *testing.T) {
	t.Parallel()
	pool := servicetest.EmptyDatabase(t)
	health, err := database.NewHealth(pool)
	if err != nil {
		t.Fatal(err)
	}
	defer health.Close()
	if err := health.Check(t.Context()); err != nil {
		t.Fatalf("got %v, want a healthy database", err)
	}
	readOnly := func(on string) {
		t.Helper()
		config := pool.Config().ConnConfig.Copy()
		config.ValidateConnect, config.RuntimeParams = nil, map[string]string{"default_transaction_read_only": "off"}
		admin, err := pgx.ConnectConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = admin.Close(context.WithoutCancel(t.Context())) }()
		if _, err := admin.Exec(t.Context(), `alter database `+config.Database+` set default_transaction_read_only = `+on); err != nil {
			t.Fatal(err)
		}
		// the sessions that exist keep their setting: a demoted server closes them, too
		if _, err := admin.Exec(t.Context(), `select pg_terminate_backend(pid) from pg_stat_activity
			where datname = current_database() and pid <> pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
	}
	write := func() error {
		_, err := pool.Exec(t.Context(), `insert into state (key, value) values (gen_random_uuid()::text, '')`)
		return err
	}
	readOnly("on")
	eventually(t, "the health check to fail", func() bool { return health.Check(t.Context()) != nil })
	if err := write(); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("got %v for a write to a read-only server, want one that is retried", err)
	}
	if _, err := pool.Exec(t.Context(), `select 1`); err == nil {
		t.Error("the pool has a connection to a server that accepts no writes")
	}
	readOnly("off")
	eventually(t, "a healthy database", func() bool { return health.Check(t.Context()) == nil && write() == nil })
}

// The pool closes a session that has turned read-only: the next statement gets a connection that can write.
func TestReadOnlySessionIsNotKept(t *testing.T) {
	t.Parallel()
	pool := servicetest.EmptyDatabase(t)
	connection, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = connection.Exec(t.Context(), `set default_transaction_read_only = on`)
	if _, err := connection.Exec(t.Context(), `create table refused ()`); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("got %v, want one that is retried", err)
	}
	connection.Release()
	if _, err := pool.Exec(t.Context(), `create table accepted ()`); err != nil {
		t.Errorf("got %v after a session that was read-only, want none", err)
	}
}

// Each check writes a row into an empty file, and so extends it by a page, which a full disk refuses. A file that already has a page
// would accept the row, and hide the full disk.
func TestHealthCheckExtendsAFile(t *testing.T) {
	t.Parallel()
	pool := servicetest.EmptyDatabase(t)
	health, err := database.NewHealth(pool)
	if err != nil {
		t.Fatal(err)
	}
	defer health.Close()
	if err := health.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	var size int64
	if err := pool.QueryRow(t.Context(), `select coalesce(max(pg_relation_size(oid)), -1) from pg_class
		where relname = 'comanda_health'`).Scan(&size); err != nil || size != 0 {
		t.Errorf("got %d bytes, %v, want an empty table: then each check extends its file", size, err)
	}
	eventually(t, "the statistics of a row that was written", func() bool {
		_ = health.Check(t.Context()) // a busy session reports its statistics soon
		var rows int64
		err := pool.QueryRow(t.Context(), `select coalesce(sum(pg_stat_get_tuples_inserted(oid)), 0) from pg_class
			where relname = 'comanda_health'`).Scan(&rows)
		return err == nil && rows > 0
	})
}

// eventually waits until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(15 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline.C:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

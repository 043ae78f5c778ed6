package rows

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// pageRows and pageBytes bound what the relay holds in memory, and how much is published twice after a crash.
	pageRows  = 256
	pageBytes = 4 << 20

	// lockClass is the first half of the advisory lock's key ("dapr" in ASCII); the table's oid is the second.
	lockClass = 0x64617072
	// lockWait is how long to queue for a turn before looking at the world again.
	lockWait = 5 * time.Second
	// lostAfter frees the turn of a relay that was frozen or cut off, but holds its connection: it beats in between.
	lostAfter = 10 * time.Second
	heartbeat = 2 * time.Second
	// statementLimit bounds every statement, so that a hanging database is noticed.
	statementLimit = 20 * time.Second
)

// table is the state table one or more components write to. Its name goes into the SQL as the component itself puts it
// there: unquoted, with a schema or without.
type table struct {
	name string
	pool *pgxpool.Pool
}

// openTable takes the component's own settings (credentials, TLS, cloud identities) for two connections of the relay's.
func openTable(ctx context.Context, config *pgxpool.Config, name string) (*table, error) {
	config.MinConns, config.MinIdleConns, config.MaxConns = 0, 0, 2
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &table{name: name, pool: pool}, nil
}

// identity tells tables apart before any connection was made.
func identity(config *pgxpool.Config, name string) string {
	c := config.ConnConfig
	return strings.Join([]string{c.Host, fmt.Sprint(c.Port), c.Database, c.RuntimeParams["search_path"], name}, " ")
}

// isKept is the condition for the keys of a kind, and the predicate of their index. As a comparison with like, which the
// primary key can answer as well, the planner would prefer that one whenever its statistics know of no such rows, and
// sort a whole backlog for every page.
func isKept(prefix string) string {
	return fmt.Sprintf(`left(key, %d) = '%s'`, len(prefix), prefix)
}

// backlog is what the gauges show.
type backlog struct {
	Waiting int64
	Oldest  time.Duration
	Dead    int64
}

func (t *table) backlog(ctx context.Context) (backlog, error) {
	rows, err := t.pool.Query(ctx, fmt.Sprintf(`
		select (select count(*) from %[1]s where %[2]s),
			coalesce((select extract(epoch from clock_timestamp() - created_at) from %[1]s
				where %[2]s order by row_id limit 1), 0)::float8,
			(select count(*) from %[1]s where %[3]s)`, t.name, isKept(duePrefix), isKept(deadPrefix)))
	if err != nil {
		return backlog{}, err
	}
	return pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (b backlog, err error) {
		var seconds float64
		err = row.Scan(&b.Waiting, &seconds, &b.Dead)
		b.Oldest = time.Duration(seconds * float64(time.Second))
		return b, err
	})
}

// horizon is the last due row there is.
func (t *table) horizon(ctx context.Context, tx pgx.Tx) (id int64, err error) {
	last := fmt.Sprintf(`select coalesce(max(row_id), 0) from %s where %s`, t.name, isKept(duePrefix))
	return id, tx.QueryRow(ctx, last).Scan(&id)
}

// page takes the due rows behind a row_id, in their order, but for the destinations passed over.
func (t *table) page(ctx context.Context, tx pgx.Tx, after int64, pass []string) ([]row, error) {
	rows, err := tx.Query(ctx, fmt.Sprintf(`
		select row_id, created_at, key, value from (
			select row_id, created_at, key, value, octet_length(value) as size, sum(octet_length(value)) over (order by row_id) as total
			from %s where %s and row_id > $1
				and split_part(key, '||', 2) || '||' || split_part(key, '||', 3) <> all ($2::text[])
			order by row_id limit %d
		) due where total - size < %d order by row_id`, t.name, isKept(duePrefix), pageRows, pageBytes), after, pass)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(found pgx.CollectableRow) (row, error) {
		var id int64
		var since time.Time
		var key string
		var value []byte
		if err := found.Scan(&id, &since, &key, &value); err != nil {
			return row{}, err
		}
		decoded := decodeRow(id, key, value)
		decoded.since = since
		return decoded, nil
	})
}

// awaitTurn waits until no other relay publishes from this table. The lock ends with the transaction, whatever ends that.
// It must be a statement of its own: the next one then sees all that the relay before it deleted.
func (t *table) awaitTurn(ctx context.Context, tx pgx.Tx) error {
	settings := fmt.Sprintf(`select set_config('lock_timeout', '%d', true), set_config('statement_timeout', '%d', true),
		set_config('idle_in_transaction_session_timeout', '%d', true)`,
		lockWait.Milliseconds(), statementLimit.Milliseconds(), lostAfter.Milliseconds())
	if _, err := tx.Exec(ctx, settings); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, fmt.Sprintf(`select pg_advisory_xact_lock(%d, to_regclass($1)::oid::int4)`, lockClass), t.name)
	return err
}

// isBusy tells a turn that another relay has from a database in trouble.
func isBusy(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == pgerrcode.LockNotAvailable
}

// settle removes what was published and sets aside what was refused.
func (t *table) settle(ctx context.Context, tx pgx.Tx, published []int64, refused []refusal) error {
	if len(published) > 0 {
		if _, err := tx.Exec(ctx, fmt.Sprintf(`delete from %s where row_id = any ($1)`, t.name), published); err != nil {
			return err
		}
	}
	for _, r := range refused {
		key, value := r.row.setAside(r.reason, time.Now())
		update := fmt.Sprintf(`update %s set key = $2, value = $3, updated_at = now() where row_id = $1`, t.name)
		if _, err := tx.Exec(ctx, update, r.row.id, key, value); err != nil {
			return err
		}
	}
	return nil
}

// ensureIndexes makes finding the rows cheap among millions of documents. Not concurrently: that would wait for, and
// could deadlock with, the migrations of a service that starts at the same time.
func (t *table) ensureIndexes(ctx context.Context) error {
	base := t.name[strings.LastIndex(t.name, ".")+1:]
	return pgx.BeginFunc(ctx, t.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `set local lock_timeout = '2s'`); err != nil {
			return err
		}
		for suffix, prefix := range map[string]string{"_outbox_due_idx": duePrefix, "_outbox_dead_idx": deadPrefix} {
			create := fmt.Sprintf(`create index if not exists %s on %s (row_id) where %s`,
				pgx.Identifier{base + suffix}.Sanitize(), t.name, isKept(prefix))
			if _, err := tx.Exec(ctx, create); err != nil {
				return err
			}
		}
		return nil
	})
}

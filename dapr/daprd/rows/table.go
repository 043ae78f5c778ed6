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
	// pageRows and pageBytes limit a page: the rows that the relay holds in memory, and may publish twice after a crash.
	pageRows  = 256
	pageBytes = 4 << 20

	// lockClass is the first half of the advisory lock's key ("dapr" in ASCII); the table's oid is the second.
	lockClass = 0x64617072
	// lockWait limits how long a relay waits for the turn before it checks whether it has to stop.
	lockWait = 4 * time.Second
	// idleLimit frees the turn of a relay that is frozen or cut off while its connection stays open. A live relay spends at
	// most publishLimit between two statements.
	idleLimit = 2 * publishLimit
	// statementLimit limits every statement in the database. answerLimit limits the wait for its answer, because a connection can lose
	// all packets and stay open.
	statementLimit = 5 * time.Second
	answerLimit    = 6 * time.Second
	// pingLimit limits the check of a connection that was not used for a second, and connectLimit the opening of one.
	pingLimit    = time.Second
	connectLimit = 3 * time.Second
	// turnLimit limits the statements before the publishing and those after it.
	turnLimit = 10 * time.Second
)

// table is the state table that one or more components write to. Its name stands in the SQL in the component's own spelling: unquoted,
// with or without a schema.
type table struct {
	name string
	pool *pgxpool.Pool
}

// openTable opens a pool of two connections for the relay, with the component's own settings (credentials, TLS, cloud
// identities).
func openTable(ctx context.Context, config *pgxpool.Config, name string) (*table, error) {
	config.MinConns, config.MinIdleConns, config.MaxConns = 0, 0, 2
	config.PingTimeout, config.ConnConfig.ConnectTimeout = pingLimit, connectLimit
	config.ConnConfig.Tracer = deadlines{}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &table{name: name, pool: pool}, nil
}

// tableID identifies a table before any connection is made.
func tableID(config *pgxpool.Config, name string) string {
	c := config.ConnConfig
	return strings.Join([]string{c.Host, fmt.Sprint(c.Port), c.Database, c.RuntimeParams["search_path"], name}, " ")
}

// keyHasPrefix returns the SQL condition for keys with a prefix, which is also the predicate of their index. It uses left and not like.
// For a like the planner could also use the primary key, and it would, while its statistics show no such rows. It would then sort the
// whole backlog for every page.
func keyHasPrefix(prefix string) string {
	return fmt.Sprintf(`left(key, %d) = '%s'`, len(prefix), prefix)
}

// backlog holds the values of the gauges: the rows that wait, the age of the oldest, and the rows set aside.
type backlog struct {
	Waiting  int64
	Oldest   time.Duration
	SetAside int64
}

func (t *table) readBacklog(ctx context.Context) (backlog, error) {
	rows, err := t.pool.Query(ctx, fmt.Sprintf(`
		select (select count(*) from %[1]s where %[2]s),
			coalesce((select extract(epoch from clock_timestamp() - created_at) from %[1]s
				where %[2]s order by row_id limit 1), 0)::float8,
			(select count(*) from %[1]s where %[3]s)`, t.name, keyHasPrefix(duePrefix), keyHasPrefix(deadPrefix)))
	if err != nil {
		return backlog{}, err
	}
	return pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (b backlog, err error) {
		var seconds float64
		err = row.Scan(&b.Waiting, &seconds, &b.SetAside)
		b.Oldest = time.Duration(seconds * float64(time.Second))
		return b, err
	})
}

// readPage returns the next due rows above a row_id, in order of row_id, without those of the destinations in skip. isFull means
// that more rows may follow.
func (t *table) readPage(ctx context.Context, conn *pgxpool.Conn, after int64, skip []string) (page []row, isFull bool, err error) {
	rows, err := conn.Query(ctx, fmt.Sprintf(`
		select row_id, created_at, key, value from (
			select row_id, created_at, key, value, octet_length(value) as size, sum(octet_length(value)) over (order by row_id) as total
			from %s where %s and row_id > $1
				and split_part(key, '||', 2) || '||' || split_part(key, '||', 3) <> all ($2::text[])
			order by row_id limit %d
		) due where total - size < %d order by row_id`, t.name, keyHasPrefix(duePrefix), pageRows, pageBytes), after, skip)
	if err != nil {
		return nil, false, err
	}
	page, err = pgx.CollectRows(rows, scanRow)
	size := 0
	for _, row := range page {
		size += len(row.value)
	}
	return page, len(page) == pageRows || size >= pageBytes, err
}

// readRows returns the due rows with these keys. A row that does not fit into the page has no value.
func (t *table) readRows(ctx context.Context, conn *pgxpool.Conn, keys []string) ([]row, error) {
	rows, err := conn.Query(ctx, fmt.Sprintf(`
		select row_id, created_at, key, case when total - octet_length(value) < %d then value end from (
			select row_id, created_at, key, value, sum(octet_length(value)) over (order by row_id) as total
			from %s where key = any ($1) and %s
		) held order by row_id`, pageBytes, t.name, keyHasPrefix(duePrefix)), keys)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanRow)
}

func scanRow(found pgx.CollectableRow) (row, error) {
	var id int64
	var createdAt time.Time
	var key string
	var value []byte
	if err := found.Scan(&id, &createdAt, &key, &value); err != nil {
		return row{}, err
	}
	decoded := decodeRow(id, key, value)
	decoded.createdAt = createdAt
	return decoded, nil
}

// isLockTimeout reports whether err only means that a lock was not free in time: as a rule because another relay has the turn.
func isLockTimeout(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == pgerrcode.LockNotAvailable
}

// vacuumOften are the autovacuum settings of this table. Every event leaves a dead tuple, so a table of few documents consists mostly
// of dead tuples. By Postgres' default they may reach a fifth of the table before it vacuums, which is many in a large table.
const vacuumOften = "autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 5000"

// prepare creates the indexes that find outbox rows among millions of documents, and sets autovacuum unless it is already set. It does
// not create the indexes concurrently: that would wait for the migrations of a service that starts at the same time, and could deadlock
// with them.
func (t *table) prepare(ctx context.Context) error {
	base := t.name[strings.LastIndex(t.name, ".")+1:]
	return pgx.BeginFunc(ctx, t.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `set local lock_timeout = '2s'`); err != nil {
			return err
		}
		for suffix, prefix := range map[string]string{"_outbox_due_idx": duePrefix, "_outbox_dead_idx": deadPrefix} {
			create := fmt.Sprintf(`create index if not exists %s on %s (row_id) where %s`,
				pgx.Identifier{base + suffix}.Sanitize(), t.name, keyHasPrefix(prefix))
			if _, err := tx.Exec(ctx, create); err != nil {
				return err
			}
		}
		var isSet bool
		err := tx.QueryRow(ctx, `select coalesce(reloptions::text like '%autovacuum_vacuum_%', false) from pg_class where oid = to_regclass($1)`,
			t.name).Scan(&isSet)
		if err != nil || isSet {
			return err
		}
		_, err = tx.Exec(ctx, fmt.Sprintf(`alter table %s set (%s)`, t.name, vacuumOften))
		return err
	})
}

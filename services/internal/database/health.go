package database

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Times of a health check. The timeout is below the 0.9 s after which a sidecar counts the check as failed (dapr/dapr.yaml).
const (
	healthTimeout = 800 * time.Millisecond
	healthTTL     = 100 * time.Millisecond
)

// A check writes to both places that a full disk or a read-only server refuses: it extends a file of the database by a page, and
// writes a record to the log of the database, which a commit waits for. The page belongs to a temporary table, which the commit
// truncates; so no check leaves anything behind.
const (
	createProbe = `create temporary table comanda_health (page text) on commit delete rows`
	extendTable = `insert into comanda_health values ('page')`
	writeLog    = `select pg_logical_emit_message(true, 'comanda', 'health')`
)

// Health checks whether a database accepts writes. It has a connection of its own: with one of the pool's, a check would wait behind the
// work of a busy service, which would then count as unhealthy, and its sidecar would stop its calls and events.
type Health struct {
	pool *pgxpool.Pool

	mu    sync.Mutex // one check at a time; the others wait for its result
	until time.Time
	last  error
}

// NewHealth returns the check of pool's database. The caller closes it.
func NewHealth(pool *pgxpool.Pool) (*Health, error) {
	config := pool.Config()
	config.MaxConns, config.MinConns, config.MinIdleConns = 1, 0, 0
	config.AfterConnect = func(ctx context.Context, connection *pgx.Conn) error {
		_, err := connection.Exec(ctx, createProbe)
		return err
	}
	own, err := pgxpool.NewWithConfig(context.Background(), config)
	return &Health{pool: own}, err
}

// Close closes the connection.
func (h *Health) Close() { h.pool.Close() }

// Check returns an error unless the database commits a write within healthTimeout. Checks within healthTTL share one answer, so that a client
// that asks often does not delay the sidecar's check.
func (h *Health) Check(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Now().Before(h.until) {
		return h.last
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthTimeout) // its result is for other callers too
	defer cancel()
	h.last = h.write(ctx)
	h.until = time.Now().Add(healthTTL)
	return h.last
}

func (h *Health) write(ctx context.Context) error {
	return pgx.BeginFunc(ctx, h.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, extendTable); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, writeLog)
		return err
	})
}

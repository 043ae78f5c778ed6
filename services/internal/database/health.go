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

// A check makes a write that a full disk or a read-only server refuses: it extends a file of the database by a page, and adds a record
// to the write-ahead log. The page belongs to a temporary table, which the commit truncates, so no check leaves anything behind. The
// commit does not wait for the disk (synchronous_commit): a slow disk must not make the service unhealthy.
const (
	createProbe = `create temporary table comanda_health (page text) on commit delete rows`
	writeProbe  = `insert into comanda_health select pg_logical_emit_message(true, 'comanda', 'health')::text`
)

// Health checks whether a database accepts writes. It has its own connection. In the pool a check would wait behind the work of a busy
// service: the service would count as unhealthy, and its sidecar would stop its calls and events.
type Health struct {
	pool *pgxpool.Pool

	mu    sync.Mutex // one check at a time; the others wait for its result
	until time.Time
	last  error
}

// NewHealth returns a Health for pool's database. The caller closes it.
func NewHealth(pool *pgxpool.Pool) (*Health, error) {
	config := pool.Config()
	config.MaxConns, config.MinConns, config.MinIdleConns = 1, 0, 0
	config.ConnConfig.RuntimeParams["synchronous_commit"] = "off"
	config.AfterConnect = func(ctx context.Context, connection *pgx.Conn) error {
		_, err := connection.Exec(ctx, createProbe)
		return err
	}
	own, err := pgxpool.NewWithConfig(context.Background(), config)
	return &Health{pool: own}, err
}

// Close closes the connection.
func (h *Health) Close() { h.pool.Close() }

// Check returns an error unless the database commits a write within healthTimeout. Checks within healthTTL share one result, so that
// frequent checks by others do not delay the sidecar's check.
func (h *Health) Check(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if time.Now().Before(h.until) {
		return h.last
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthTimeout) // its result is for other callers too
	defer cancel()
	_, h.last = h.pool.Exec(ctx, writeProbe)
	h.until = time.Now().Add(healthTTL)
	return h.last
}

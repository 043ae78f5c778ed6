// Package database opens a service's own Postgres and brings its schema up to date.
package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Limits of every connection: a statement, a wait for a lock, and a connection attempt end in time for a request to be
// answered with 503 within its own limit. Durations.
const (
	statementTimeout = 3 * time.Second
	lockTimeout      = 2 * time.Second
	connectTimeout   = 2 * time.Second
	maxConnections   = 10
)

// Open makes a pool. It does not connect yet: the database may come later. An error means that url is wrong; it never
// shows the password.
func Open(url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("it has to read like postgres://user:password@host:5432/database")
	}
	config.ConnConfig.ConnectTimeout = connectTimeout
	config.ConnConfig.RuntimeParams["statement_timeout"] = millis(statementTimeout)
	config.ConnConfig.RuntimeParams["lock_timeout"] = millis(lockTimeout)
	config.MaxConns = maxConnections
	return pgxpool.NewWithConfig(context.Background(), config)
}

func millis(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

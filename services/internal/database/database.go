// Package database opens a service's Postgres database and migrates its schema.
package database

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Limits of every connection. A statement, a wait for a lock and a connection attempt each time out early enough for the
// request to be answered with 503 within rest.RequestTimeout.
const (
	statementTimeout = 3 * time.Second
	lockTimeout      = 2 * time.Second
	connectTimeout   = 2 * time.Second
	maxConnections   = 10
	// healthConnections are enough for the probes of the sidecar and of the gateway at the same time.
	healthConnections = 2
)

// Open returns a connection pool. It does not connect, so the database may start later. An error means that url is wrong;
// its text never contains the password.
func Open(url string) (*pgxpool.Pool, error) { return open(url, maxConnections) }

// OpenHealth returns a small pool like that of Open for Ping: a health check must not wait until requests return a connection.
func OpenHealth(url string) (*pgxpool.Pool, error) { return open(url, healthConnections) }

func open(url string, connections int32) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("it has to read like postgres://user:password@host:5432/database")
	}
	config.ConnConfig.ConnectTimeout = connectTimeout
	config.ConnConfig.RuntimeParams["statement_timeout"] = millis(statementTimeout)
	config.ConnConfig.RuntimeParams["lock_timeout"] = millis(lockTimeout)
	config.MaxConns = connections
	return pgxpool.NewWithConfig(context.Background(), config)
}

func millis(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

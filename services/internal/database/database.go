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
)

var errURL = errors.New("it has to read like postgres://user:password@host:5432/database")

// Open returns a connection pool. It does not connect, so the database may start later. An error means that url is wrong;
// its text never contains the password.
func Open(url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errURL
	}
	config.ConnConfig.ConnectTimeout = connectTimeout
	config.ConnConfig.RuntimeParams["statement_timeout"] = millis(statementTimeout)
	config.ConnConfig.RuntimeParams["lock_timeout"] = millis(lockTimeout)
	config.MaxConns = maxConnections
	return pgxpool.NewWithConfig(context.Background(), config)
}

func millis(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// Package database opens a service's Postgres database, migrates its schema, checks its health and prunes its tables.
package database

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Limits of every connection. A statement, a wait for a lock and a connection attempt each time out early enough for the
// request to be answered with 503 within rest.RequestTimeout.
const (
	statementTimeout = 3 * time.Second
	lockTimeout      = 2 * time.Second
	connectTimeout   = 2 * time.Second
	pingTimeout      = time.Second
	maxConnections   = 10
	// idleTimeout ends a transaction, and frees its locks, when its client freezes between two statements. It is longer than
	// rest.RequestTimeout, because a few transactions wait for a call to the sidecar.
	idleTimeout = 8 * time.Second
)

// vanishedLimits end a session whose client's machine has vanished. Postgres probes a connection that is idle for
// tcp_keepalives_idle seconds, and waits at most tcp_user_timeout for the acknowledgement of what it has sent.
var vanishedLimits = map[string]string{
	"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3", "tcp_user_timeout": millis(11 * time.Second),
}

// keepAlive detects a server that has vanished, with the same intervals as vanishedLimits.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}

// steadyPlans are settings for plans that stay good. A connection keeps the plan of a statement. A plan made while a table was nearly empty
// may read the whole table, and go on doing so as the table grows, until autovacuum analyzes it. No query of the services needs to scan a
// table that grows (plans_test.go of each service). A query that has no index has a plan so expensive then that Postgres would compile it,
// which takes longer than the query, so jit is off too.
var steadyPlans = map[string]string{"enable_seqscan": "off", "jit": "off"}

// readOnlyTransaction is the SQLSTATE of a write on a server that does not accept writes: a standby, or a primary that was demoted.
const readOnlyTransaction = "25006"

var errURL = errors.New("must have the form postgres://user:password@host:5432/database")

// Open returns a connection pool. Open itself does not connect, so the database may start later. The pool connects only to a server
// that accepts writes, and gives each statement a deadline on the client too (see deadlines). An error means that url is wrong; its
// text never contains the password.
func Open(url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errURL
	}
	connection := config.ConnConfig
	connection.ConnectTimeout = connectTimeout
	connection.DialFunc = (&net.Dialer{KeepAliveConfig: keepAlive}).DialContext
	connection.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	connection.OnPgError = keepsConnection
	connection.Tracer = deadlines{}
	connection.RuntimeParams["statement_timeout"] = millis(statementTimeout)
	connection.RuntimeParams["lock_timeout"] = millis(lockTimeout)
	connection.RuntimeParams["idle_in_transaction_session_timeout"] = millis(idleTimeout)
	for name, value := range steadyPlans {
		connection.RuntimeParams[name] = value
	}
	for name, value := range vanishedLimits {
		connection.RuntimeParams[name] = value
	}
	config.MaxConns, config.PingTimeout = maxConnections, pingTimeout
	return pgxpool.NewWithConfig(context.Background(), config)
}

// keepsConnection reports whether the pool may keep a connection after an error of the server. It may not after a fatal error, nor when that
// server no longer accepts writes: the next statement must connect to the server that does.
func keepsConnection(_ *pgconn.PgConn, err *pgconn.PgError) bool {
	return !strings.EqualFold(err.Severity, "FATAL") && err.Code != readOnlyTransaction
}

func millis(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// Package database opens a service's Postgres database and migrates its schema. It also prunes tables, and lends leases to the
// replicas of a service.
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
	// idleTimeout ends a transaction, and frees its locks, when its client is frozen between two statements. It is longer than
	// rest.RequestTimeout, because a few transactions wait for a call of the sidecar.
	idleTimeout = 8 * time.Second
)

// vanishedLimits end a session whose client's machine has vanished: Postgres probes an idle connection after keepaliveIdle, and
// waits for at most tcpUserTimeout for an acknowledgement of what it sent.
var vanishedLimits = map[string]string{
	"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3", "tcp_user_timeout": millis(11 * time.Second),
}

// keepAlive finds a server that has vanished: the same limits as vanishedLimits, from the client's side.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}

// readOnlyTransaction is the SQLSTATE of a write on a server that does not accept writes: a standby, or a primary that was demoted.
const readOnlyTransaction = "25006"

var errURL = errors.New("it has to read like postgres://user:password@host:5432/database")

// Open returns a connection pool. It does not connect, so the database may start later. Each statement has a deadline on the client
// too (see deadlines). It connects only to a server that accepts writes. An error means that url is wrong; its text never contains
// the password.
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
	for name, value := range vanishedLimits {
		connection.RuntimeParams[name] = value
	}
	config.MaxConns, config.PingTimeout = maxConnections, pingTimeout
	return pgxpool.NewWithConfig(context.Background(), config)
}

// keepsConnection reports whether a connection can be used again after an error of the server. It closes one to a server that no
// longer accepts writes, so that the next statement finds the server that does.
func keepsConnection(_ *pgconn.PgConn, err *pgconn.PgError) bool {
	return !strings.EqualFold(err.Severity, "FATAL") && err.Code != readOnlyTransaction
}

func millis(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

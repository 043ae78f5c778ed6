package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/IBM/sarama"
	"github.com/cenkalti/backoff/v4"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dapr/components-contrib/state"
	pgv2 "github.com/dapr/components-contrib/state/postgresql/v2"
	"github.com/dapr/kit/logger"
	kitmetadata "github.com/dapr/kit/metadata"
)

// server is the database or broker that a component needs.
type server struct {
	name, check string
	isPassing   func(error) bool // whether waiting can cure the error; any other error stops the sidecar
}

var (
	database = server{name: "its database", check: "is Postgres running, and is the address in connectionString right?", isPassing: isPassingInPostgres}
	broker   = server{name: "its broker", check: "is Kafka running, and is the address in brokers right?", isPassing: isPassingInKafka}
)

// waitLogInterval is how often a sidecar logs what it waits for.
const waitLogInterval = 10 * time.Second

// waitForServer repeats a component's Init while its server is away. It stops when ctx is done, and for an error that waiting
// does not fix: a wrong password, a database that does not exist, an invalid setting.
func waitForServer(ctx context.Context, log logger.Logger, needed server, component string, initComponent func() error) error {
	began := time.Now()
	var logged time.Time
	pauses := backoff.NewExponentialBackOff(backoff.WithInitialInterval(200*time.Millisecond), backoff.WithMaxInterval(3*time.Second), backoff.WithMaxElapsedTime(0))
	err := backoff.RetryNotify(func() error {
		err := initComponent()
		if err != nil && !needed.isPassing(err) {
			return backoff.Permanent(err)
		}
		return err
	}, backoff.WithContext(pauses, ctx), func(err error, _ time.Duration) {
		if time.Since(logged) < waitLogInterval {
			return
		}
		logged = time.Now()
		log.Warnf("component %s waits for %s, for %s so far (%s): %v", component, needed.name, time.Since(began).Round(time.Second), needed.check, err)
	})
	if err == nil && !logged.IsZero() {
		log.Infof("component %s is connected to %s after %s", component, needed.name, time.Since(began).Round(time.Second))
	}
	return err
}

// isPassingInPostgres reports whether the database cannot be reached or does not accept connections yet. It is also true when two
// sidecars create the same table at the same moment, which Postgres refuses to one of them, and when a lock was not free in time: another
// sidecar may be creating the tables, or a service that starts at the same time an index.
func isPassingInPostgres(err error) bool {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return isNetworkError(err)
	}
	switch pgErr.Code {
	case pgerrcode.CannotConnectNow, pgerrcode.AdminShutdown, pgerrcode.CrashShutdown, pgerrcode.TooManyConnections,
		pgerrcode.UniqueViolation, pgerrcode.DuplicateTable, pgerrcode.DuplicateObject,
		pgerrcode.LockNotAvailable, pgerrcode.DeadlockDetected:
		return true
	case pgerrcode.ProtocolViolation: // a connection pooler that does not know one of databaseSettings
		return false
	}
	return pgerrcode.IsConnectionException(pgErr.Code)
}

// isPassingInKafka reports whether no broker can be reached. A broker that refuses the credentials is not away.
func isPassingInKafka(err error) bool {
	for _, refusal := range []sarama.KError{sarama.ErrSASLAuthenticationFailed, sarama.ErrUnsupportedSASLMechanism,
		sarama.ErrClusterAuthorizationFailed, sarama.ErrGroupAuthorizationFailed, sarama.ErrTopicAuthorizationFailed} {
		if errors.Is(err, refusal) {
			return false
		}
	}
	return errors.Is(err, sarama.ErrOutOfBrokers) || errors.Is(err, sarama.ErrBrokerNotAvailable) ||
		errors.Is(err, sarama.ErrLeaderNotAvailable) || isNetworkError(err)
}

func isNetworkError(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}

// waitingStore is the Postgres state store. Its Init waits for the database.
type waitingStore struct {
	*pgv2.PostgreSQL
	log   logger.Logger
	table string
}

func newPostgres(log logger.Logger) state.Store {
	store := pgv2.NewPostgreSQLStateStore(noExitLogger{log})
	plain, ok := store.(*pgv2.PostgreSQL)
	if !ok { // cannot happen with the pinned version
		return store
	}
	return &waitingStore{PostgreSQL: plain, log: log}
}

// Init waits for the database, connects with databaseSettings and creates the tables.
func (s *waitingStore) Init(ctx context.Context, metadata state.Metadata) error {
	metadata.Properties = maps.Clone(metadata.Properties)
	for name, value := range metadata.Properties {
		if strings.EqualFold(name, "connectionString") || strings.EqualFold(name, "url") {
			metadata.Properties[name] = withDatabaseSettings(value)
		}
	}
	prefix, _ := kitmetadata.GetMetadataProperty(metadata.Properties, "tablePrefix")
	s.table = prefix + "state"
	return waitForServer(ctx, s.log, database, metadata.Name, func() error {
		err := s.PostgreSQL.Init(ctx, metadata)
		if err != nil {
			_ = s.PostgreSQL.Close() // otherwise its pool stays open
		}
		return err
	})
}

// noExitLogger logs a fatal error instead of ending the process. The component logs one when its database goes away while it
// creates the tables. Init then fails and is repeated.
type noExitLogger struct{ logger.Logger }

func (l noExitLogger) Fatalf(format string, args ...any) { l.Errorf(format, args...) }

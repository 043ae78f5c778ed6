package main

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"time"

	"github.com/IBM/sarama"
	"github.com/cenkalti/backoff/v4"
	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dapr/components-contrib/state"
	pgv2 "github.com/dapr/components-contrib/state/postgresql/v2"
	"github.com/dapr/kit/logger"
)

// server is what a component needs to start.
type server struct {
	name, check string
	isAway      func(error) bool // of an error that says "not there yet"; all others end the sidecar
}

var (
	database = server{name: "its database", check: "is Postgres running, and is the address in connectionString right?", isAway: isPostgresAway}
	broker   = server{name: "its broker", check: "is Kafka running, and is the address in brokers right?", isAway: isKafkaAway}
)

// sayEvery is how often a sidecar says what it waits for.
const sayEvery = 10 * time.Second

// waitFor repeats a component's Init for as long as its server is away. It ends with ctx, or with an error that waiting
// would not mend: a wrong password, a database that does not exist, a setting that is no setting.
func waitFor(ctx context.Context, log logger.Logger, needed server, component string, start func() error) error {
	begun := time.Now()
	var said time.Time
	pauses := backoff.NewExponentialBackOff(backoff.WithInitialInterval(200*time.Millisecond), backoff.WithMaxInterval(3*time.Second), backoff.WithMaxElapsedTime(0))
	err := backoff.RetryNotify(func() error {
		err := start()
		if err != nil && !needed.isAway(err) {
			return backoff.Permanent(err)
		}
		return err
	}, backoff.WithContext(pauses, ctx), func(err error, _ time.Duration) {
		if time.Since(said) < sayEvery {
			return
		}
		said = time.Now()
		log.Warnf("component %s waits for %s, since %s (%s): %v", component, needed.name, time.Since(begun).Round(time.Second), needed.check, err)
	})
	if err == nil && !said.IsZero() {
		log.Infof("component %s has found %s after %s", component, needed.name, time.Since(begun).Round(time.Second))
	}
	return err
}

// isPostgresAway is true of a database that cannot be reached or does not take connections yet, and of a sidecar that
// created a table at the same moment as this one, which Postgres refuses to one of them.
func isPostgresAway(err error) bool {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return isNetwork(err)
	}
	switch answer.Code {
	case pgerrcode.CannotConnectNow, pgerrcode.AdminShutdown, pgerrcode.CrashShutdown, pgerrcode.TooManyConnections,
		pgerrcode.UniqueViolation, pgerrcode.DuplicateTable, pgerrcode.DuplicateObject:
		return true
	}
	return pgerrcode.IsConnectionException(answer.Code)
}

// isKafkaAway is true of brokers that cannot be reached. A broker that refuses the credentials is there.
func isKafkaAway(err error) bool {
	for _, refusal := range []sarama.KError{sarama.ErrSASLAuthenticationFailed, sarama.ErrUnsupportedSASLMechanism,
		sarama.ErrClusterAuthorizationFailed, sarama.ErrGroupAuthorizationFailed, sarama.ErrTopicAuthorizationFailed} {
		if errors.Is(err, refusal) {
			return false
		}
	}
	return errors.Is(err, sarama.ErrOutOfBrokers) || errors.Is(err, sarama.ErrBrokerNotAvailable) ||
		errors.Is(err, sarama.ErrLeaderNotAvailable) || isNetwork(err)
}

func isNetwork(err error) bool {
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, net.ErrClosed)
}

// patientStore is Postgres' state store, which waits for its database.
type patientStore struct {
	*pgv2.PostgreSQL
	log logger.Logger
}

func newPostgres(log logger.Logger) state.Store {
	store := pgv2.NewPostgreSQLStateStore(lenient{log})
	plain, ok := store.(*pgv2.PostgreSQL)
	if !ok { // never, with the pinned version
		return store
	}
	return &patientStore{PostgreSQL: plain, log: log}
}

// Init connects, and creates the tables.
func (s *patientStore) Init(ctx context.Context, metadata state.Metadata) error {
	return waitFor(ctx, s.log, database, metadata.Name, func() error {
		err := s.PostgreSQL.Init(ctx, metadata)
		if err != nil {
			_ = s.PostgreSQL.Close() // or its pool would stay
		}
		return err
	})
}

// lenient logs what the component would end the process for: a database that goes away while its tables are created. Init
// fails then, and is tried again.
type lenient struct{ logger.Logger }

func (l lenient) Fatalf(format string, args ...any) { l.Errorf(format, args...) }

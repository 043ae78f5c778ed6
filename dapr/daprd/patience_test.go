package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dapr/kit/logger"
)

var connectionRefused = &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}

func TestOnlyErrorsThatWaitingCuresAreWaitedFor(t *testing.T) {
	for _, test := range []struct {
		server server
		err    error
		away   bool
	}{
		{database, fmt.Errorf("ping: %w", connectionRefused), true},
		{database, &net.DNSError{Err: "no such host", IsNotFound: true}, true},
		{database, context.DeadlineExceeded, true},
		{database, &pgconn.PgError{Code: "57P03"}, true},  // the database system is starting up
		{database, &pgconn.PgError{Code: "57P01"}, true},  // terminating connection due to administrator command
		{database, &pgconn.PgError{Code: "08006"}, true},  // connection failure
		{database, &pgconn.PgError{Code: "23505"}, true},  // another sidecar created the table at the same time
		{database, &pgconn.PgError{Code: "42P07"}, true},  // likewise
		{database, &pgconn.PgError{Code: "55P03"}, true},  // the service's migration held a lock for too long
		{database, &pgconn.PgError{Code: "40P01"}, true},  // the migration and the sidecar waited for each other
		{database, &pgconn.PgError{Code: "57014"}, false}, // statement timeout: it would end the next attempt too
		{database, &pgconn.PgError{Code: "08P01"}, false}, // a pooler does not know a setting of the connection
		{database, &pgconn.PgError{Code: "28P01"}, false}, // password authentication failed
		{database, &pgconn.PgError{Code: "3D000"}, false}, // database does not exist
		{database, &pgconn.PgError{Code: "42501"}, false}, // permission denied
		{database, errors.New("missing connection string"), false},
		{broker, fmt.Errorf("clients: %w", sarama.Wrap(sarama.ErrOutOfBrokers, connectionRefused)), true},
		{broker, sarama.Wrap(sarama.ErrOutOfBrokers, sarama.ErrSASLAuthenticationFailed), false},
		{broker, errors.New("missing brokers"), false},
	} {
		if away := test.server.isPassing(test.err); away != test.away {
			t.Errorf("%s, error %v: got away %v, want %v", test.server.name, test.err, away, test.away)
		}
	}
}

func TestInitWaitsUntilTheServerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := waitForServer(t.Context(), logger.NewLogger("test"), database, "orders", func() error {
			if time.Since(began) < 20*time.Minute {
				return connectionRefused
			}
			return nil
		})
		if err != nil || time.Since(began) > 20*time.Minute+10*time.Second {
			t.Errorf("Init returned after %s with error %v, want within 20m10s and none", time.Since(began), err)
		}
	})
}

func TestInitFailsAtOnceWithAWrongPassword(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, wrong := time.Now(), &pgconn.PgError{Code: "28P01", Message: "password authentication failed"}
		err := waitForServer(t.Context(), logger.NewLogger("test"), database, "orders", func() error { return wrong })
		if !errors.Is(err, wrong) || time.Since(began) > 0 {
			t.Errorf("Init returned after %s with error %v, want at once with the error of the password", time.Since(began), err)
		}
	})
}

func TestInitStopsWhenItsContextIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		err := waitForServer(ctx, logger.NewLogger("test"), broker, "pubsub", func() error { return connectionRefused })
		if err == nil || time.Since(began) != time.Minute {
			t.Errorf("Init returned after %s with error %v, want after 1m0s with an error", time.Since(began), err)
		}
	})
}

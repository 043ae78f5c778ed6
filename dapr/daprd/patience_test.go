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

var refused = &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}

func TestWhichErrorsMeanNotThereYet(t *testing.T) {
	for _, test := range []struct {
		server server
		err    error
		away   bool
	}{
		{database, fmt.Errorf("ping: %w", refused), true},
		{database, &net.DNSError{Err: "no such host", IsNotFound: true}, true},
		{database, context.DeadlineExceeded, true},
		{database, &pgconn.PgError{Code: "57P03"}, true},  // the database system is starting up
		{database, &pgconn.PgError{Code: "57P01"}, true},  // terminating connection due to administrator command
		{database, &pgconn.PgError{Code: "08006"}, true},  // connection failure
		{database, &pgconn.PgError{Code: "23505"}, true},  // another sidecar created the table at the same time
		{database, &pgconn.PgError{Code: "42P07"}, true},  // likewise
		{database, &pgconn.PgError{Code: "28P01"}, false}, // password authentication failed
		{database, &pgconn.PgError{Code: "3D000"}, false}, // database does not exist
		{database, &pgconn.PgError{Code: "42501"}, false}, // permission denied
		{database, errors.New("missing connection string"), false},
		{broker, fmt.Errorf("clients: %w", sarama.Wrap(sarama.ErrOutOfBrokers, refused)), true},
		{broker, sarama.Wrap(sarama.ErrOutOfBrokers, sarama.ErrSASLAuthenticationFailed), false},
		{broker, errors.New("missing brokers"), false},
	} {
		if away := test.server.isAway(test.err); away != test.away {
			t.Errorf("%s, %v: away is %v", test.server.name, test.err, away)
		}
	}
}

func TestInitWaitsAsLongAsItTakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		err := waitFor(t.Context(), logger.NewLogger("test"), database, "orders", func() error {
			if time.Since(begun) < 20*time.Minute {
				return refused
			}
			return nil
		})
		if err != nil || time.Since(begun) > 20*time.Minute+10*time.Second {
			t.Errorf("it ended after %s with %v", time.Since(begun), err)
		}
	})
}

func TestInitEndsAtOnceForWhatWaitingDoesNotMend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, wrong := time.Now(), &pgconn.PgError{Code: "28P01", Message: "password authentication failed"}
		err := waitFor(t.Context(), logger.NewLogger("test"), database, "orders", func() error { return wrong })
		if !errors.Is(err, wrong) || time.Since(begun) > 0 {
			t.Errorf("it ended after %s with %v", time.Since(begun), err)
		}
	})
}

func TestInitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		err := waitFor(ctx, logger.NewLogger("test"), broker, "pubsub", func() error { return refused })
		if err == nil || time.Since(begun) != time.Minute {
			t.Errorf("it ended after %s with %v", time.Since(begun), err)
		}
	})
}

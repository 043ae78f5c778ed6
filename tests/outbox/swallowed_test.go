package outbox_test

import (
	"context"
	"net/url"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	dapr "github.com/dapr/go-sdk/client"
	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// swallowedLimit is how long swallowed connections may delay an event.
const swallowedLimit = 15 * time.Second

// The network loses all packets between the sidecar and its database, but closes no connection. The relay notices, opens new connections,
// and publishes. It does so even if this happens in the middle of its turn, while the database still holds the turn's lock.
func TestSwallowedConnectionsDelayNoEventForLong(t *testing.T) {
	t.Parallel()
	for name, inTurn := range map[string]bool{"between two turns": false, "in a turn": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const topic = "swallowed"
			database := newDatabase(t, shared.postgres)
			network := startProxy(t, hostOf(t, database))
			var armed atomic.Bool
			broker := startFaultyKafka(t, 1, topic, 1, func(faultyKafka, *kmsg.ProduceRequest) *kerr.Error {
				if armed.CompareAndSwap(true, false) {
					network.swallowConnections()
				}
				return nil
			})
			startSidecar(t, sidecarConfig{
				Program: shared.ours, App: "swallowed", Database: network.through(t, database), Brokers: broker.Brokers(),
				Stores: []store{{Name: "orders", Topic: topic}},
			})
			events := readTopic(t, broker, topic)
			conn := connect(t, database)
			write := func(subject string) {
				tx := beginTx(t, conn)
				writeRow(t, tx, topic, subject, 1)
				commitTx(t, tx)
			}
			await := func(subject string, limit time.Duration) {
				eventually(t, limit, func() (bool, string) { return len(events.numbers()[subject]) == 1, "the event of " + subject })
			}
			write("order-before")
			await("order-before", 10*time.Second)
			awaitNoRows(t, conn, 5*time.Second)

			if inTurn {
				armed.Store(true)
				write("order-in-turn")
				await("order-in-turn", 10*time.Second)
			} else {
				network.swallowConnections()
			}
			swallowed := time.Now()
			write("order-after")
			await("order-after", swallowedLimit)
			t.Logf("the event was published after %s", time.Since(swallowed).Round(100*time.Millisecond))
			awaitNoRows(t, conn, 5*time.Second)
		})
	}
}

// A sidecar that is frozen inside a transaction of its app loses its locks, even if its connection string sets no limits.
func TestFrozenSidecarLosesItsLocks(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, shared.postgres)
	plain, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	plain.RawQuery = "sslmode=disable"
	topic := newTopic(t, shared.kafka, 1)
	s := startSidecar(t, sidecarConfig{
		Program: shared.ours, App: "frozenlocks", Database: plain.String(), Brokers: shared.kafka.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	})
	mustCommitEvent(t, s, "orders", "order", 1)

	conn := connect(t, plain.String())
	const lock = `select key from state where key = 'order' for update`
	mine := beginTx(t, conn)
	if _, err := mine.Exec(t.Context(), lock); err != nil {
		t.Fatal(err)
	}
	committing, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // two documents are a transaction of several statements: it gets the first lock when the sidecar is frozen, and keeps it
		_ = s.client.ExecuteStateTransaction(committing, "orders", nil, []*dapr.StateOperation{
			{Type: dapr.StateOperationTypeUpsert, Item: &dapr.SetStateItem{Key: "order", Value: []byte(`{}`)}},
			{Type: dapr.StateOperationTypeUpsert, Item: &dapr.SetStateItem{Key: "order-2", Value: []byte(`{}`)}},
		})
	}()
	watcher := connect(t, database)
	// A session that waits for a row waits for a transactionid. The relay may wait for the end of a snapshot: its index is built concurrently.
	eventually(t, 10*time.Second, func() (bool, string) {
		return queryInt(t, watcher, `select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'transactionid'`) == 1,
			"the sidecar's transaction that waits for the document"
	})
	signal(t, s, syscall.SIGSTOP)
	defer signal(t, s, syscall.SIGCONT)
	commitTx(t, mine)
	frozen := time.Now()
	eventually(t, 5*time.Second, func() (bool, string) {
		// The relay may be frozen in a transaction too, so the number of open transactions says nothing.
		return queryInt(t, watcher, `select count(*) from (`+lock+` skip locked) as free`) == 0,
			"a frozen transaction that holds the lock"
	})
	waiting, cancelWait := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancelWait()
	err = pgx.BeginFunc(waiting, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(waiting, lock)
		return err
	})
	if err != nil {
		t.Fatalf("the lock of a frozen sidecar after %s: %v", time.Since(frozen), err)
	}
	t.Logf("the lock was free after %s", time.Since(frozen).Round(100*time.Millisecond))
}

package outbox_test

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A replica freezes during its turn, and another one publishes its rows. When the first one thaws, it sends at most the events that it
// was sending, one of each subject, and no others.
func TestThawedReplicaSendsNothingOldAfterNew(t *testing.T) {
	t.Parallel()
	const topic, subjects, numbers = "thawed", 20, 6
	var lastSent atomic.Int64 // when the broker last got a request to store records
	broker := startFaultyKafka(t, 1, topic, 1, func(k faultyKafka, _ *kmsg.ProduceRequest) *kerr.Error {
		lastSent.Store(time.Now().UnixNano())
		until := make(chan struct{}) // a slow broker makes the turn long enough to freeze the replica in it
		time.AfterFunc(100*time.Millisecond, func() { close(until) })
		k.delay(until)
		return nil
	})
	database := newDatabase(t, shared.postgres)
	config := sidecarConfig{
		Program: shared.ours, App: "thawed", Database: database, Brokers: broker.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	}
	frozen := startSidecar(t, config)
	events := readTopic(t, broker, topic)
	conn := connect(t, database)
	rows := beginTx(t, conn)
	for number := range numbers {
		for subject := range subjects {
			writeRow(t, rows, topic, fmt.Sprint("order-", subject), number+1)
		}
	}
	commitTx(t, rows)
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() > 0, "the first event" })
	signal(t, frozen, syscall.SIGSTOP)
	if n := queryInt(t, conn, `select count(*) from state where key like 'outbox-due||%'`); n != subjects*numbers {
		t.Fatalf("rows at the moment of the freeze: got %d, want %d, because the turn has not ended", n, subjects*numbers)
	}

	startSidecar(t, config)
	awaitNoRows(t, conn, 20*time.Second)
	signal(t, frozen, syscall.SIGCONT)
	mustCommitEvent(t, frozen, "orders", "order-after", 1)
	eventually(t, 20*time.Second, func() (bool, string) {
		return len(events.numbers()["order-after"]) == 1, "an event through the thawed replica"
	})
	eventually(t, 10*time.Second, func() (bool, string) {
		return time.Since(time.Unix(0, lastSent.Load())) > time.Second, "a second in which no replica sends events"
	})
	events.wantInOrder(t)
	for subject, n := range events.repeats() {
		if n > 1 {
			t.Errorf("events of %s published after a later one: got %d, want at most the one that was being sent", subject, n)
		}
	}
	t.Logf("%d events were published more than once", len(events.duplicates()))
}

package outbox_test

import (
	"fmt"
	"hash/fnv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// One partition refuses its records. Hundreds of its rows wait before the rows of other partitions, and a transaction runs that may still
// add a row before all of them. The events of the other partitions are published at once. When the partition accepts records again, every
// event is published in order.
func TestStuckPartitionDelaysNoOther(t *testing.T) {
	t.Parallel()
	const topic, stuckRows = "partitions", 600 // more than two pages of the relay
	var healed atomic.Bool
	broker := startFaultyKafka(t, 2, topic, 2, func(k faultyKafka, _ *kmsg.ProduceRequest) *kerr.Error {
		if k.CurrentNode() == k.LeaderFor(topic, 1) && !healed.Load() {
			return kerr.NotEnoughReplicas
		}
		return nil
	})
	for partition := range int32(2) {
		if err := broker.MoveTopicPartition(topic, partition, partition); err != nil {
			t.Fatal(err)
		}
	}
	database := newDatabase(t, shared.postgres)
	config := sidecarConfig{
		Program: shared.ours, App: "partitions", Database: database, Brokers: broker.Brokers(),
		Stores: []store{{Name: "orders", Topic: topic}},
	}
	s := startSidecar(t, config)
	events := readTopic(t, broker, topic)
	late := beginTx(t, connect(t, database))
	if _, err := late.Exec(t.Context(), `set local idle_in_transaction_session_timeout = 0`); err != nil {
		t.Fatal(err)
	}
	lateSubject := subjectIn(0, "late")
	writeRow(t, late, topic, lateSubject, 1)
	stuck := beginTx(t, connect(t, database))
	for i := range stuckRows {
		writeRow(t, stuck, topic, subjectIn(1, fmt.Sprint("stuck-", i)), 1)
	}
	commitTx(t, stuck)
	for i := range 5 {
		subject := subjectIn(0, fmt.Sprint("healthy-", i))
		mustCommitEvent(t, s, "orders", subject, 1)
		eventually(t, 8*time.Second, func() (bool, string) {
			return len(events.numbers()[subject]) == 1, "the event of a healthy partition behind the rows of a stuck one"
		})
	}
	commitTx(t, late)
	eventually(t, 8*time.Second, func() (bool, string) {
		return len(events.numbers()[lateSubject]) == 1, "the event of the late transaction"
	})
	last := subjectIn(1, "stuck-0")
	mustCommitEvent(t, s, "orders", last, 2)

	healed.Store(true)
	eventually(t, 30*time.Second, func() (bool, string) {
		return len(events.numbers()) == stuckRows+6 && len(events.numbers()[last]) == 2, "all events after the partition is healed"
	})
	events.wantInOrder(t)
	awaitNoRows(t, connect(t, database), 10*time.Second)
}

// subjectIn returns a subject whose events go to a partition of two.
func subjectIn(partition int32, name string) string {
	for i := 0; ; i++ {
		subject := fmt.Sprintf("%s-%d", name, i)
		hash := fnv.New32a()
		_, _ = hash.Write([]byte(subject))
		if p := int32(hash.Sum32()) % 2; max(p, -p) == partition {
			return subject
		}
	}
}

// The broker answers all replicas but one. That replica delays events by no more than its turn. The test's broker recognises the replica
// by the acknowledgements that it asks for, and keeps its requests.
func TestReplicaCutOffFromKafkaDelaysNoOther(t *testing.T) {
	t.Parallel()
	const topic = "cutoff"
	never := make(chan struct{})
	t.Cleanup(func() { close(never) })
	var swallowed atomic.Int64
	broker := startFaultyKafka(t, 1, topic, 4, func(k faultyKafka, request *kmsg.ProduceRequest) *kerr.Error {
		if request.Acks == 1 {
			swallowed.Add(1)
			k.delay(never)
		}
		return nil
	})
	database := newDatabase(t, shared.postgres)
	var replicas []*sidecar
	for _, acks := range []string{"local", "all"} {
		replicas = append(replicas, startSidecar(t, sidecarConfig{
			Program: shared.ours, App: "cutoff", Database: database, Brokers: broker.Brokers(), Acks: acks,
			Stores: []store{{Name: "orders", Topic: topic}},
		}))
	}
	events := readTopic(t, broker, topic)
	began := time.Now()
	var slowest time.Duration
	for i := 0; time.Since(began) < 10*time.Second || swallowed.Load() == 0; i++ {
		subject := fmt.Sprint("order-", i)
		mustCommitEvent(t, replicas[i%2], "orders", subject, 1)
		committed := time.Now()
		eventually(t, 15*time.Second, func() (bool, string) {
			return len(events.numbers()[subject]) > 0, "event " + subject + " by the replica that reaches the broker"
		})
		slowest = max(slowest, time.Since(committed))
	}
	t.Logf("the slowest event took %s; %d requests were swallowed", slowest, swallowed.Load())
}

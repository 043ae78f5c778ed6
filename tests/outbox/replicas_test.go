package outbox_test

import (
	"sync"
	"testing"
	"time"
)

// Three replicas write to one table and publish from it: each event once, and in the order of its aggregate, though
// consecutive events of one aggregate are written through different replicas.
func TestReplicasShareTheRows(t *testing.T) {
	t.Parallel()
	database := newDatabase(t, calm.postgres)
	topic := newTopic(t, calm.kafka, 8)
	var replicas []*sidecar
	for range 3 {
		replicas = append(replicas, startSidecar(t, wanted{
			Program: calm.ours, App: "replicas", Database: database, Brokers: calm.kafka.Brokers(),
			Stores: []store{{Name: "orders", Topic: topic}},
		}))
	}
	events := read(t, calm.kafka, topic)

	const subjects, rounds = 40, 15
	var writers sync.WaitGroup
	for subject := range subjects {
		writers.Go(func() {
			for number := range rounds {
				name := "order-" + string(rune('A'+subject%26)) + string(rune('a'+subject/26))
				if err := announce(t.Context(), replicas[(subject+number)%3], "orders", name, number+1); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()

	awaitNoRows(t, connect(t, database), 20*time.Second)
	eventually(t, 10*time.Second, func() (bool, string) { return events.count() >= subjects*rounds, "all events" })
	if doubles := events.doubles(); len(doubles) > 0 {
		t.Errorf("%d events were published more than once", len(doubles))
	}
	events.wantInOrder(t)
	var sum float64
	for i, replica := range replicas {
		n := replica.metric(t, "dapr_outbox_published_count", topic)
		if n == 0 {
			t.Errorf("replica %d published nothing", i+1)
		}
		sum += n
	}
	if sum != subjects*rounds {
		t.Errorf("the replicas count %v events published, want %d", sum, subjects*rounds)
	}
}

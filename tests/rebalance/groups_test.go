package rebalance_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/infra"
)

const groupedYAML = `---
apiVersion: dapr.io/v2alpha1
kind: Subscription
metadata: {name: grouped}
spec:
  pubsubname: pubsub
  topic: %s
  deadLetterTopic: %s
  metadata: {grouped: "true"}
  routes: {default: /events}
`

const (
	groupedPartitions = 8
	groupedEvents     = 40 // in each partition
)

// Events that are ready in several partitions reach the app in groups. An event that fails, hangs or gets no status affects none of the
// others in its group: it is tried again by itself, and each partition keeps its order.
func TestAnEventOfAGroupAffectsOnlyItself(t *testing.T) {
	t.Parallel()
	app := fmt.Sprintf("grouped%d-%d", os.Getpid(), nameCount.Add(1))
	topic, deadLetterTopic := app+".events", app+".dead-letters"
	sent := publishGrouped(t, topic, deadLetterTopic)
	a := startGroupedApp(t, retried, dropped, forgotten, refused, brokenOff, failing, hanging)
	startConsumer(t, app, a.address, fmt.Sprintf(groupedYAML, topic, deadLetterTopic))

	eventually(t, "a group for each fault", func() bool { return a.victim(hanging) != "" })
	stuck, _ := partitionOf(a.victim(hanging))
	for partition := range groupedPartitions {
		if strconv.Itoa(partition) != stuck {
			eventually(t, fmt.Sprintf("the events of partition %d, while %s hangs", partition, a.victim(hanging)),
				func() bool { return a.areDone(partition, groupedEvents) })
		}
	}
	if partition, _ := strconv.Atoi(stuck); a.areDone(partition, groupedEvents) {
		t.Errorf("partition %s: its events are done, although one of them hangs", stuck)
	}
	close(a.released)
	for partition := range groupedPartitions {
		eventually(t, fmt.Sprintf("all events of partition %d", partition), func() bool { return a.areDone(partition, groupedEvents) })
	}
	a.wantDeliveries(t)
	wantDeadLetters(t, deadLetterTopic, map[string][]byte{a.victim(dropped): sent[a.victim(dropped)], a.victim(failing): sent[a.victim(failing)]})
}

// A sidecar that stops while an event of a group hangs ends the request, leaves its consumer group and exits with code 0. The next one delivers
// the event again, and the others that waited.
func TestStoppedSidecarLeavesItsGroupWhileAnEventOfAGroupHangs(t *testing.T) {
	t.Parallel()
	app := fmt.Sprintf("grouped%d-%d", os.Getpid(), nameCount.Add(1))
	topic, deadLetterTopic := app+".events", app+".dead-letters"
	publishGrouped(t, topic, deadLetterTopic)
	a := startGroupedApp(t, hanging)
	subscription := fmt.Sprintf(groupedYAML, topic, deadLetterTopic)
	first := startConsumer(t, app, a.address, subscription)
	eventually(t, "a group with an event that hangs", func() bool { return a.victim(hanging) != "" })
	first.signal(t, syscall.SIGTERM)
	eventually(t, "the exit of the sidecar", func() bool { return !first.Running() })
	if err := first.Err(); err != nil {
		t.Errorf("exit of the sidecar: got error %v, want none", err)
	}
	startConsumer(t, app, a.address, subscription)
	for partition := range groupedPartitions {
		eventually(t, fmt.Sprintf("all events of partition %d", partition), func() bool { return a.areDone(partition, groupedEvents) })
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, problem := range a.problems {
		t.Error(problem)
	}
}

// publishGrouped fills the topic. It returns the events by their ids. The trace of every other one is sampled.
func publishGrouped(t *testing.T, topic, deadLetterTopic string) (sent map[string][]byte) {
	t.Helper()
	err := shared.kafka.Declare(t.Context(), []infra.Topic{{Name: topic, Partitions: groupedPartitions}, {Name: deadLetterTopic, Partitions: 1}})
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(shared.kafka.Brokers()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	sent = map[string][]byte{}
	var records []*kgo.Record
	for number := range groupedEvents {
		for partition := range groupedPartitions {
			id := fmt.Sprintf("%d-%d", partition, number)
			sent[id] = fmt.Appendf(nil, `{"specversion":"1.0", "id":%q, "type":"grouped.v1", "source":"test", "datacontenttype":"application/json",
				"traceparent":"00-%032x-00f067aa0ba902b7-%02d", "data":{"large":9007199254740993,"exact":1.0}}`, id, number*groupedPartitions+partition+1, number%2)
			records = append(records, &kgo.Record{Topic: topic, Partition: int32(partition), Key: []byte(id), Value: sent[id]})
		}
	}
	if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return sent
}

// wantDeliveries checks how often each event came, and how.
func (a *groupedApp) wantDeliveries(t *testing.T) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, problem := range a.problems {
		t.Error(problem)
	}
	again := map[string]int{a.victims[retried][0]: 1, a.victims[failing][0]: 5, a.victims[forgotten][0]: 1} // after the group
	for _, id := range a.victims[refused] {
		again[id] = 1
	}
	for i, id := range a.victims[brokenOff] {
		if i != 1 {
			again[id] = 1
		}
	}
	for id, got := range a.deliveries {
		if len(got) != 1+again[id] || slices.Contains(got[1:], "group") {
			t.Errorf("deliveries of %s: got %q, want one and %d by itself", id, got, again[id])
		}
	}
	for met, ids := range a.victims {
		for _, id := range ids {
			if got := a.deliveries[id]; len(got) == 0 || got[0] != "group" {
				t.Errorf("deliveries of %s, which was to meet %s: got %q, want the first one in a group", id, met, got)
			}
		}
	}
	for met, ids := range a.victims {
		t.Logf("%s: %q", met, ids)
	}
}

// wantDeadLetters checks that the topic has exactly these events, unchanged.
func wantDeadLetters(t *testing.T, topic string, want map[string][]byte) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(shared.kafka.Brokers()), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	var got [][]byte
	for len(got) < len(want) && ctx.Err() == nil {
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) { got = append(got, r.Value) })
	}
	for id, event := range want {
		if !slices.ContainsFunc(got, func(letter []byte) bool { return string(letter) == string(event) }) {
			t.Errorf("dead letter %s: got none with the event's bytes", id)
		}
	}
	if len(got) != len(want) {
		t.Errorf("dead letters: got %d, want %d: %q", len(got), len(want), got)
	}
}

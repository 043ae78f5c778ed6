package outbox_test

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// published is one record of a topic.
type published struct {
	Key       string
	Raw       []byte
	Partition int32
	At        time.Time // when the reader read it
	Event     struct {
		ID      string `json:"id"`
		Subject string `json:"subject"`
		Data    struct {
			Number int `json:"number"`
		} `json:"data"`
	}
}

// reader reads a topic from its beginning and keeps its records.
type reader struct {
	mu      sync.Mutex
	history []published
	added   chan struct{} // gets a value after each record
}

// readTopic reads a topic of infra.Kafka or of a faultyKafka.
func readTopic(t testing.TB, broker interface{ Brokers() string }, topic string) *reader {
	t.Helper()
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(broker.Brokers(), ",")...),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(100*time.Millisecond),
		kgo.MetadataMinAge(100*time.Millisecond),
	)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &reader{added: make(chan struct{}, 1)}
	var polling sync.WaitGroup
	polling.Go(func() {
		for ctx.Err() == nil {
			client.PollFetches(ctx).EachRecord(r.add)
		}
	})
	t.Cleanup(func() {
		cancel()
		client.Close()
		polling.Wait()
	})
	return r
}

func (r *reader) add(record *kgo.Record) {
	p := published{Key: string(record.Key), Raw: record.Value, Partition: record.Partition, At: time.Now()}
	_ = json.Unmarshal(record.Value, &p.Event) // a record that is not an event has no subject, which fails the test
	r.mu.Lock()
	r.history = append(r.history, p)
	r.mu.Unlock()
	select {
	case r.added <- struct{}{}:
	default:
	}
}

func (r *reader) records() []published {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.history)
}

func (r *reader) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.history)
}

// numbers returns the numbers of each subject's events in the order of the topic, without duplicates.
func (r *reader) numbers() map[string][]int {
	firsts := map[string][]int{}
	ids := map[string]bool{}
	for _, p := range r.records() {
		if !ids[p.Event.ID] {
			ids[p.Event.ID] = true
			firsts[p.Event.Subject] = append(firsts[p.Event.Subject], p.Event.Data.Number)
		}
	}
	return firsts
}

// duplicates returns the ids of the events that were read more than once.
func (r *reader) duplicates() []string {
	counts := map[string]int{}
	for _, p := range r.records() {
		counts[p.Event.ID]++
	}
	maps.DeleteFunc(counts, func(_ string, n int) bool { return n == 1 })
	return slices.Sorted(maps.Keys(counts))
}

// repeats counts, for each subject, the events that were published after a later one.
func (r *reader) repeats() map[string]int {
	highest, repeats := map[string]int{}, map[string]int{}
	for _, p := range r.records() {
		if p.Event.Data.Number < highest[p.Event.Subject] {
			repeats[p.Event.Subject]++
		}
		highest[p.Event.Subject] = max(highest[p.Event.Subject], p.Event.Data.Number)
	}
	return repeats
}

// wantInOrder checks that every subject's numbers begin with 1 and rise by one.
func (r *reader) wantInOrder(t testing.TB) {
	t.Helper()
	for subject, numbers := range r.numbers() {
		for i, number := range numbers {
			if number != i+1 {
				t.Errorf("subject %s: got the numbers %v from event %d on, want %d first", subject,
					numbers[i:min(i+10, len(numbers))], i+1, i+1)
				break
			}
		}
	}
}

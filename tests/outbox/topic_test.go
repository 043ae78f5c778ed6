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

	"comanda/infra"
)

// published is one record of a topic.
type published struct {
	Key       string
	Raw       []byte
	Partition int32
	At        time.Time // when the reader saw it
	Event     struct {
		ID      string `json:"id"`
		Subject string `json:"subject"`
		Data    struct {
			Number int `json:"number"`
		} `json:"data"`
	}
}

// reader keeps all that a topic says from its beginning.
type reader struct {
	mu   sync.Mutex
	all  []published
	news chan struct{} // has something after each record
}

func read(t testing.TB, broker *infra.Kafka, topic string) *reader {
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
	r := &reader{news: make(chan struct{}, 1)}
	var ended sync.WaitGroup
	ended.Go(func() {
		for ctx.Err() == nil {
			client.PollFetches(ctx).EachRecord(r.add)
		}
	})
	t.Cleanup(func() {
		cancel()
		client.Close()
		ended.Wait()
	})
	return r
}

func (r *reader) add(record *kgo.Record) {
	p := published{Key: string(record.Key), Raw: record.Value, Partition: record.Partition, At: time.Now()}
	_ = json.Unmarshal(record.Value, &p.Event) // one that is no event has no subject, and fails the test that sees it
	r.mu.Lock()
	r.all = append(r.all, p)
	r.mu.Unlock()
	select {
	case r.news <- struct{}{}:
	default:
	}
}

func (r *reader) records() []published {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

func (r *reader) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
}

// numbers are the events of each subject in the order of the topic, without those that came before.
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

// doubles are the ids that came more than once.
func (r *reader) doubles() []string {
	times := map[string]int{}
	for _, p := range r.records() {
		times[p.Event.ID]++
	}
	maps.DeleteFunc(times, func(_ string, n int) bool { return n == 1 })
	return slices.Sorted(maps.Keys(times))
}

// wantInOrder checks that every subject's numbers begin with 1 and rise by one.
func (r *reader) wantInOrder(t testing.TB) {
	t.Helper()
	for subject, numbers := range r.numbers() {
		for i, number := range numbers {
			if number != i+1 {
				t.Errorf("%s: out of order from event %d on: %v ...", subject, i+1, numbers[i:min(i+10, len(numbers))])
				break
			}
		}
	}
}

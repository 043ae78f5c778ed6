package groups

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const partitions = 4

var topics = []string{"orders", "stock"}

// ledger records which records were acknowledged, and which of them each group read.
type ledger struct {
	mu    sync.Mutex
	sent  []string
	reads map[string]map[string]bool // by group
}

// recordReads returns a handler that records the events that a group reads.
func (l *ledger) recordReads(group string) func(string) {
	return func(value string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.reads[group] == nil {
			l.reads[group] = map[string]bool{}
		}
		l.reads[group][value] = true
	}
}

// unread counts the acknowledged records that the group has not read.
func (l *ledger) unread(group string) (missing, total int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, value := range l.sent {
		if !l.reads[group][value] {
			missing++
		}
	}
	return missing, len(l.sent)
}

// produce sends one record to each partition in turn until ctx is done, and then one last record to every partition. So every
// partition that no member reads has an unread record.
func (l *ledger) produce(ctx context.Context, t *testing.T, brokers string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Error(err)
		return
	}
	defer client.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	remaining := len(topics) * partitions
	for i := 0; remaining > 0; i++ {
		if ctx.Err() != nil {
			remaining--
		}
		record := &kgo.Record{
			Topic: topics[i%len(topics)], Partition: int32(i / len(topics) % partitions),
			Value: strconv.AppendInt(nil, int64(i), 10),
		}
		send := func() error { return client.ProduceSync(t.Context(), record).FirstErr() }
		// A client gives up at once if the broker is killed during its first request, so the test retries.
		for err := send(); err != nil; err = send() {
			if t.Context().Err() != nil {
				t.Errorf("produce record %d: %v", i, err)
				return
			}
		}
		l.mu.Lock()
		l.sent = append(l.sent, string(record.Value))
		l.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

package infra_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/infra"
)

func startKafka(t *testing.T, o infra.Options) *infra.Kafka {
	t.Helper()
	k, err := infra.StartKafka(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return k
}

func newClient(t *testing.T, k *infra.Kafka, more ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(k.Brokers())}, more...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestKilledKafkaKeepsRecordsAndOffsets(t *testing.T) {
	dir := t.TempDir()
	k := startKafka(t, options(t, dir))
	for _, name := range []string{"kafka", "logs"} { // other users of this machine must not read them
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().Perm() != 0o700 {
			t.Errorf("%s: got mode %v, want 0700", name, info.Mode())
		}
	}
	for range 2 { // the second time they exist already
		if err := k.Declare(t.Context(), []infra.Topic{{Name: "orders", Partitions: 4}, {Name: "stock", Partitions: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	const half, all = 50, 100
	producer := newClient(t, k)
	for i := range half {
		record := &kgo.Record{Topic: "orders", Value: fmt.Append(nil, i)}
		if err := producer.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	consume(t, k, half, seen)
	if err := k.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := k.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := half; i < all; i++ {
		record := &kgo.Record{Topic: "orders", Value: fmt.Append(nil, i)}
		if err := producer.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	// The group has committed the first half, so it gets only the second half.
	consume(t, k, all-half, seen)
	if len(seen) != all {
		t.Fatalf("got %d different records, want %d: some were lost or read twice", len(seen), all)
	}
}

// consume reads n records as a member of one group, adds them to seen and commits them.
func consume(t *testing.T, k *infra.Kafka, n int, seen map[string]bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c := newClient(t, k, kgo.ConsumerGroup("kitchen"), kgo.ConsumeTopics("orders"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	for read := 0; read < n; {
		fetches := c.PollFetches(ctx)
		if ctx.Err() != nil {
			t.Fatalf("read %d of %d records: %v", read, n, ctx.Err())
		}
		fetches.EachRecord(func(r *kgo.Record) {
			seen[string(r.Value)] = true
			read++
		})
	}
	if err := c.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestKafkaDoesNotAutoCreateTopics(t *testing.T) {
	k := startKafka(t, options(t, t.TempDir()))
	c := newClient(t, k, kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(0), kgo.RecordRetries(1))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := c.ProduceSync(ctx, &kgo.Record{Topic: "mistyped", Value: []byte("x")}).FirstErr(); err == nil {
		t.Fatal("producing to a missing topic succeeded, want an error")
	}
}

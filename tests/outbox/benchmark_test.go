package outbox_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// engines are measured in one run, on the same servers: the same transactions from the same number of writers.
var engines = []struct {
	name    string
	program func() string
	events  int // the built-in engine does about one a second for each partition
	single  int
}{
	{"rows", func() string { return calm.ours }, 3000, 100},
	{"built-in", func() string { return calm.stock }, 80, 8},
}

// BenchmarkEngines prints how many events a second each engine publishes under load, and how long one event takes from
// the answer to its transaction to its reader on an idle system. Run it once: -bench Engines -benchtime 1x.
func BenchmarkEngines(b *testing.B) {
	rate, delay := map[string]float64{}, map[string]time.Duration{}
	for _, engine := range engines {
		b.Run(engine.name, func(b *testing.B) {
			topic := newTopic(b, calm.kafka, 8)
			app := fmt.Sprintf("bench%d", databases.Add(1))
			declare(b, calm.kafka, "default"+app+topic+"outbox", 8)
			s := startSidecar(b, wanted{
				Program: engine.program(), App: app, Database: newDatabase(b, calm.postgres), Brokers: calm.kafka.Brokers(),
				Stores: []store{{Name: "orders", Topic: topic}},
			})
			events := read(b, calm.kafka, topic)
			for b.Loop() {
				delay[engine.name] = idleDelay(b, s, events, engine.single)
				rate[engine.name] = loadRate(b, s, events, engine.events)
			}
			b.ReportMetric(rate[engine.name], "events/s")
			b.ReportMetric(float64(delay[engine.name].Microseconds())/1000, "ms-to-reader")
			b.ReportMetric(0, "ns/op")
		})
	}
	if rate["rows"] > 0 && rate["built-in"] > 0 {
		fmt.Printf("events a second: %.0f against %.1f, %.0f times as many\n", rate["rows"], rate["built-in"], rate["rows"]/rate["built-in"])
		fmt.Printf("commit to reader (median): %s against %s, %.0f times as quick\n", delay["rows"], delay["built-in"],
			float64(delay["built-in"])/float64(delay["rows"]))
	}
}

// idleDelay announces one event at a time and returns the median time until it was read.
func idleDelay(b *testing.B, s *sidecar, events *reader, n int) time.Duration {
	delays := make([]time.Duration, n)
	for i := range n {
		seen := events.count()
		mustAnnounce(b, s, "orders", fmt.Sprintf("single-%d", i), 1)
		answered := time.Now()
		awaitCount(b, events, seen+1)
		delays[i] = events.records()[seen].At.Sub(answered)
	}
	slices.Sort(delays)
	return max(delays[n/2], 0).Round(10 * time.Microsecond)
}

// loadRate announces n events from 16 writers as quickly as it goes, and counts until the last one is read.
func loadRate(b *testing.B, s *sidecar, events *reader, n int) float64 {
	before := events.count()
	var next atomic.Int64
	var writers sync.WaitGroup
	began := time.Now()
	for range 16 {
		writers.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := announce(b.Context(), s, "orders", fmt.Sprintf("load-%d", i), 1); err != nil {
					b.Error(err)
				}
			}
		})
	}
	writers.Wait()
	awaitCount(b, events, before+n)
	return float64(n) / time.Since(began).Seconds()
}

func awaitCount(b *testing.B, events *reader, n int) {
	b.Helper()
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	for events.count() < n {
		select {
		case <-events.news:
		case <-limit.C:
			b.Fatalf("%d of %d events after two minutes", events.count(), n)
		}
	}
}

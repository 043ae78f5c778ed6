package outbox_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// engines are measured in one run, on the same servers, with the same transactions from the same number of writers.
var engines = []struct {
	name    string
	program func() string
	events  int // for the rate; the built-in engine publishes about one a second per partition
	singles int // for the delay
}{
	{"rows", func() string { return shared.ours }, 3000, 100},
	{"built-in", func() string { return shared.stock }, 80, 8},
}

// BenchmarkEngines prints how many events a second each engine publishes under load, and how long one event takes on an idle
// system, from the response to its transaction until a consumer reads it. Run it once: -bench Engines -benchtime 1x.
func BenchmarkEngines(b *testing.B) {
	rate, delay := map[string]float64{}, map[string]time.Duration{}
	for _, engine := range engines {
		b.Run(engine.name, func(b *testing.B) {
			topic := newTopic(b, shared.kafka, 8)
			app := fmt.Sprintf("bench%d", nameCount.Add(1))
			declare(b, shared.kafka, "default"+app+topic+"outbox", 8)
			s := startSidecar(b, sidecarConfig{
				Program: engine.program(), App: app, Database: newDatabase(b, shared.postgres), Brokers: shared.kafka.Brokers(),
				Stores: []store{{Name: "orders", Topic: topic}},
			})
			events := readTopic(b, shared.kafka, topic)
			for b.Loop() {
				delay[engine.name] = idleDelay(b, s, events, engine.singles)
				rate[engine.name] = loadRate(b, s, events, engine.events)
			}
			b.ReportMetric(rate[engine.name], "events/s")
			b.ReportMetric(float64(delay[engine.name].Microseconds())/1000, "ms-to-reader")
			b.ReportMetric(0, "ns/op")
		})
	}
	if rate["rows"] > 0 && rate["built-in"] > 0 {
		fmt.Printf("events a second: rows %.0f, built-in %.1f (%.0f times as many)\n", rate["rows"], rate["built-in"],
			rate["rows"]/rate["built-in"])
		fmt.Printf("commit to reader (median): rows %s, built-in %s (%.0f times as fast)\n", delay["rows"], delay["built-in"],
			float64(delay["built-in"])/float64(delay["rows"]))
	}
}

// idleDelay commits one event at a time and returns the median time until it was read.
func idleDelay(b *testing.B, s *sidecar, events *reader, n int) time.Duration {
	delays := make([]time.Duration, n)
	for i := range n {
		seen := events.count()
		mustCommitEvent(b, s, "orders", fmt.Sprintf("single-%d", i), 1)
		committed := time.Now()
		awaitCount(b, events, seen+1)
		delays[i] = events.records()[seen].At.Sub(committed)
	}
	slices.Sort(delays)
	return max(delays[n/2], 0).Round(10 * time.Microsecond)
}

// loadRate commits n events from 16 writers as fast as possible and returns the events per second until the last is read.
func loadRate(b *testing.B, s *sidecar, events *reader, n int) float64 {
	before := events.count()
	var next atomic.Int64
	var writers sync.WaitGroup
	began := time.Now()
	for range 16 {
		writers.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if err := commitEvent(b.Context(), s, "orders", fmt.Sprintf("load-%d", i), 1); err != nil {
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
		case <-events.added:
		case <-limit.C:
			b.Fatalf("events after two minutes: got %d, want %d", events.count(), n)
		}
	}
}

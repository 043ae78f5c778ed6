package journey

import (
	"context"
	"flag"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"comanda/tests/scenario"
	"comanda/tests/system"
)

// `make chaos` sets these for a long run.
var (
	kills = flag.Int("kills", 0, "number of random kills by TestNoOrderIsLost; 0 kills every program once")
	every = flag.Duration("every", 3*time.Second, "time between two kills by TestNoOrderIsLost")
)

const (
	// pause limits four customers to 40 orders a second, a quarter of the orders that two cores can decide. At a higher rate thousands of
	// orders wait while the broker is down, and maxDecided would measure how long that backlog takes.
	pause = 100 * time.Millisecond
	// maxReady limits the time from the last kill until all services are ready.
	maxReady = 15 * time.Second
	// maxDecided limits the time from the last kill until every order is decided.
	maxDecided = time.Minute
)

// The test kills random programs (kill -9) while customers order, and only the supervisor restarts them. Every accepted order
// is confirmed, no stock is sold twice, and the services order and product agree.
func TestNoOrderIsLost(t *testing.T) {
	t.Parallel()
	sys := system.Start(t, system.Options{Supervised: true, Replicas: map[string]int{"order": 2, "product": 2}})
	s := newScenario(t, sys)
	ana, dish := s.Customer(), s.Dish(1_000_000, 700)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed of the kill sequence: %d", seed)
	orders := scenario.StartLoad(t, ana, dish, 4, pause)
	defer orders.Stop()
	orders.AwaitMore(20)

	tick := time.NewTicker(*every)
	defer tick.Stop()
	var last time.Time
	for i, victim := range victims(sys, rand.New(rand.NewPCG(seed, 0)), *kills) {
		if i > 0 {
			<-tick.C
		}
		mustRun(t, victim.kill)
		last = time.Now()
		t.Logf("%-18s killed", victim.name)
		if *kills == 0 {
			orders.AwaitMore(20)
		}
	}
	ready, cancel := context.WithDeadline(t.Context(), last.Add(scenario.OutageTimeout))
	defer cancel()
	if err := sys.AwaitReady(ready); err != nil {
		t.Fatalf("not ready %v after the last kill: %v", scenario.OutageTimeout, err)
	}
	recovered := time.Since(last).Round(time.Millisecond)
	t.Logf("all services were ready %v after the last kill", recovered)
	orders.AwaitMore(20)
	accepted := orders.Stop()

	scenario.WantConfirmed(t, ana, accepted)
	took := time.Since(last).Round(time.Millisecond)
	t.Logf("%d orders were accepted; all were confirmed %v after the last kill", len(accepted), took)
	if *kills > 0 && (recovered > maxReady || took > maxDecided) { // not in `make test`, where other tests share the processor
		t.Errorf("all services ready after %v, all orders decided after %v; want at most %v and %v", recovered, took, maxReady,
			maxDecided)
	}
	wantInvariants(t, sys)
}

// victim is a program that can be killed.
type victim struct {
	name string
	kill func(context.Context) error
}

// victims returns n random programs, or every program once in random order when n is 0.
func victims(sys *system.System, random *rand.Rand, n int) []victim {
	all := []victim{{"postgres", sys.Postgres.Kill}, {"kafka", sys.Kafka.Kill}}
	for _, program := range sys.Programs() {
		all = append(all, victim{program.Name, func(context.Context) error { program.Kill(); return nil }})
	}
	if n == 0 {
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return all
	}
	return slices.Collect(func(yield func(victim) bool) {
		for range n {
			if !yield(all[random.IntN(len(all))]) {
				return
			}
		}
	})
}

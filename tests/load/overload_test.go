package load

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

const (
	// peakFor and overloadFor are how long the system is loaded to its capacity, and to twice its capacity.
	peakFor     = 20 * time.Second
	overloadFor = time.Minute
	// parallel is the number of requests in flight that load the system fully.
	parallel = 16
	// minGoodput is the least share of the peak that must be left under overload.
	minGoodput = 0.8
	// maxLatency limits the answers to accepted orders (99 %).
	maxLatency = 3 * time.Second
	// maxRecovery limits the time after the overload until all is decided and a fresh order is confirmed.
	maxRecovery = 30 * time.Second
	// maxGrowth is the factor by which the memory of services and sidecars may grow.
	maxGrowth = 2.0
)

// BenchmarkTwiceTheCapacity measures how many orders are confirmed per second at the capacity of the system, and then sends twice as
// many orders for a minute.
func BenchmarkTwiceTheCapacity(b *testing.B) {
	for b.Loop() {
		measureOverload(b)
	}
}

func measureOverload(b *testing.B) {
	sys := system.Start(b, system.Options{})
	s := scenario.New(b, sys.URL, sys.AdminEmail, sys.AdminPassword)
	ana, dish := s.Customer(), s.Dish(1_000_000, 700)
	sender := client.New(sys.URL).As(ana.Session) // without the checks of the contract, which take much of a core
	basket := scenario.Basket(dish, 1)

	warm := &orders{client: sender, basket: basket}
	warm.inParallel(b.Context(), parallel, 5*time.Second)
	awaitDecided(b, sys)
	before, _, err := sys.Memory()
	if err != nil {
		b.Fatal(err)
	}
	peak := &orders{client: sender, basket: basket}
	begun := time.Now()
	peak.inParallel(b.Context(), parallel, peakFor)
	awaitDecided(b, sys)
	capacity := float64(peak.accepted) / time.Since(begun).Seconds() // decided, not only accepted

	over := &orders{client: sender, basket: basket}
	confirmed := count(b, sys, "CONFIRMED")
	begun = time.Now()
	over.atRate(b.Context(), 2*capacity, overloadFor)
	goodput := float64(count(b, sys, "CONFIRMED")-confirmed) / time.Since(begun).Seconds()
	during, each, err := sys.Memory()
	if err != nil {
		b.Fatalf("a program ended under overload: %v", err)
	}
	begun = time.Now()
	awaitDecided(b, sys)
	s.PlaceConfirmed(ana, basket)
	recovered := time.Since(begun)

	b.Logf("peak %.0f orders/s; at %.0f/s: goodput %.0f/s (%.0f %%), accepted %d, shed %d, failed %d; answers to accepted orders: "+
		"median %v, 99 %% %v; recovered after %v; memory %d MiB, %d MiB after: %v", capacity, 2*capacity, goodput,
		100*goodput/capacity, over.accepted, over.shed, over.failed, over.percentile(0.5).Round(time.Millisecond),
		over.percentile(0.99).Round(time.Millisecond), recovered.Round(time.Millisecond), before>>20, during>>20, mebibytes(each))
	b.ReportMetric(goodput/capacity, "goodput/peak")
	b.ReportMetric(float64(during)/float64(before), "memory-growth")
	b.ReportMetric(recovered.Seconds(), "s-to-recover")
	b.ReportMetric(over.percentile(0.99).Seconds(), "s-p99-accepted")
	if goodput < minGoodput*capacity || over.percentile(0.99) > maxLatency || recovered > maxRecovery ||
		float64(during) > maxGrowth*float64(before) || over.failed > 0 || over.noRetry > 0 {
		b.Errorf("want goodput of at least %v of the peak, 99 %% of the answers within %v, recovery within %v, memory at most %v times as "+
			"much, no failure, and Retry-After in each refusal; %d refusals had none", minGoodput, maxLatency, maxRecovery, maxGrowth, over.noRetry)
	}
}

// awaitDecided waits until no order is PENDING.
func awaitDecided(b *testing.B, sys *system.System) {
	scenario.EventuallyWithin(b, 2*time.Minute, "every order is decided", func(ctx context.Context) error {
		if pending := count(b, sys, "PENDING"); pending > 0 {
			return fmt.Errorf("%d orders are PENDING", pending)
		}
		return nil
	})
}

// count returns how many orders have a status.
func count(b *testing.B, sys *system.System, status string) int {
	found, err := scenario.Query(b.Context(), sys.DatabaseURL("order"), `select count(*)::text from orders where status = '`+status+`'`)
	if err != nil {
		b.Fatal(err)
	}
	n, err := strconv.Atoi(found[0])
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func mebibytes(each map[string]int64) map[string]int64 {
	rounded := map[string]int64{}
	for name, bytes := range each {
		rounded[name] = bytes >> 20
	}
	return rounded
}

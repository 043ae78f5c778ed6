package journey

import (
	"slices"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// The performance targets, on 2 cores with nothing else running.
const (
	maxToConfirmed = 100 * time.Millisecond
	maxMemory      = 700 << 20 // bytes: five services and five sidecars, idle
)

// BenchmarkOrderToConfirmed measures the median time from POST /orders until the order is CONFIRMED, one order at a time on
// an idle system, with our daprd and with unmodified daprd.
func BenchmarkOrderToConfirmed(b *testing.B) {
	for b.Loop() {
		ours := slices.Sorted(slices.Values(measureOrders(b, system.Options{}, 200)))
		stock := slices.Sorted(slices.Values(measureOrders(b, system.Options{Stock: true}, 15)))
		median, other := ours[len(ours)/2], stock[len(stock)/2]
		b.Logf("median time from POST to CONFIRMED: %v (p95 %v); with unmodified daprd %v, %.0f times as long",
			median.Round(100*time.Microsecond), ours[len(ours)*95/100].Round(100*time.Microsecond),
			other.Round(time.Millisecond), float64(other)/float64(median))
		b.ReportMetric(float64(median.Microseconds())/1000, "ms/order")
		b.ReportMetric(float64(other.Microseconds())/1000, "ms/order-stock")
		b.ReportMetric(float64(other)/float64(median), "times-faster")
		if median > maxToConfirmed {
			b.Errorf("median: got %v, want at most %v", median, maxToConfirmed)
		}
	}
}

// measureOrders places n orders one after the other and returns the time that each took. It first places three orders that
// are not measured, to open connections and fill caches.
func measureOrders(b *testing.B, options system.Options, n int) []time.Duration {
	sys := system.Start(b, options)
	defer sys.Stop()
	s := newScenario(b, sys)
	ana, dish := s.Customer(), s.Dish(100_000, 700)
	for range 3 {
		s.PlaceConfirmed(ana, scenario.Basket(dish, 1))
	}
	var took []time.Duration
	for range n {
		begun := time.Now()
		placed, err := ana.Order(b.Context(), scenario.Basket(dish, 1))
		if err == nil {
			placed, err = ana.GetOrder(b.Context(), placed.ID, scenario.SagaTimeout)
		}
		if err != nil || placed.Status != client.Confirmed {
			b.Fatalf("order %s: got %s (error %v), want CONFIRMED", placed.ID, placed.Status, err)
		}
		took = append(took, time.Since(begun))
	}
	return took
}

// BenchmarkIdleMemory measures the memory of the ten processes when they are idle after some work.
func BenchmarkIdleMemory(b *testing.B) {
	for b.Loop() {
		sys := system.Start(b, system.Options{})
		s := newScenario(b, sys)
		ana, dish := s.Customer(), s.Dish(1000, 700)
		for range 20 {
			s.PlaceConfirmed(ana, scenario.Basket(dish, 1))
		}
		total, each, err := sys.Memory()
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("all ten processes: %d MB resident (without Postgres and the broker)", total>>20)
		for _, service := range system.Services {
			b.Logf("%-8s %3d MB, its sidecar %3d MB", service, each[service]>>20, each[service+" sidecar"]>>20)
		}
		b.ReportMetric(float64(total>>20), "MB")
		if total > maxMemory {
			b.Errorf("memory of the ten processes: got %d MB, want at most %d", total>>20, maxMemory>>20)
		}
		sys.Stop()
	}
}

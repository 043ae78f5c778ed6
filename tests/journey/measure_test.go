package journey

import (
	"slices"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// What the system has to reach (on 2 cores, with nothing else running).
const (
	maxToConfirmed = 100 * time.Millisecond
	maxMemory      = 700 << 20 // bytes: five services and five sidecars, idle
)

// BenchmarkOrderToConfirmed measures the time from POST /orders until the order is CONFIRMED on an idle system, one order
// at a time: at the median, on our runtime and on the stock one.
func BenchmarkOrderToConfirmed(b *testing.B) {
	for b.Loop() {
		ours := slices.Sorted(slices.Values(toConfirmed(b, system.Options{}, 200)))
		stock := slices.Sorted(slices.Values(toConfirmed(b, system.Options{Stock: true}, 15)))
		median, other := ours[len(ours)/2], stock[len(stock)/2]
		b.Logf("POST to CONFIRMED at the median: %v (p95 %v); on the stock runtime %v: %.0f times as long",
			median.Round(100*time.Microsecond), ours[len(ours)*95/100].Round(100*time.Microsecond), other.Round(time.Millisecond), float64(other)/float64(median))
		b.ReportMetric(float64(median.Microseconds())/1000, "ms/order")
		b.ReportMetric(float64(other.Microseconds())/1000, "ms/order-stock")
		b.ReportMetric(float64(other)/float64(median), "times-faster")
		if median > maxToConfirmed {
			b.Errorf("the median is %v, and shall be %v at most", median, maxToConfirmed)
		}
	}
}

// toConfirmed places n orders one after the other and says how long each took. The first few, which open connections and
// fill caches, do not count.
func toConfirmed(b *testing.B, options system.Options, n int) []time.Duration {
	s := system.Start(b, options)
	defer s.Stop()
	w := arrive(b, s)
	ana, dish := w.Customer(), w.Dish(100_000, 700)
	for range 3 {
		w.PlaceConfirmed(ana, scenario.Basket(dish, 1))
	}
	var took []time.Duration
	for range n {
		begun := time.Now()
		placed, err := ana.Order(b.Context(), scenario.Basket(dish, 1))
		if err == nil {
			placed, err = ana.GetOrder(b.Context(), placed.ID, scenario.SagaTimeout)
		}
		if err != nil || placed.Status != client.Confirmed {
			b.Fatalf("order %s is %s: %v", placed.ID, placed.Status, err)
		}
		took = append(took, time.Since(begun))
	}
	return took
}

// BenchmarkIdleMemory measures what the ten processes hold when they have done some work and have nothing to do.
func BenchmarkIdleMemory(b *testing.B) {
	for b.Loop() {
		s := system.Start(b, system.Options{})
		w := arrive(b, s)
		ana, dish := w.Customer(), w.Dish(1000, 700)
		for range 20 {
			w.PlaceConfirmed(ana, scenario.Basket(dish, 1))
		}
		total, each, err := s.Memory()
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("all ten: %d MB resident (Postgres and broker apart)", total>>20)
		for _, service := range system.Services {
			b.Logf("%-8s %3d MB and its sidecar %3d MB", service, each[service]>>20, each[service+" sidecar"]>>20)
		}
		b.ReportMetric(float64(total>>20), "MB")
		if total > maxMemory {
			b.Errorf("the ten processes hold %d MB, and shall hold %d at most", total>>20, maxMemory>>20)
		}
		s.Stop()
	}
}

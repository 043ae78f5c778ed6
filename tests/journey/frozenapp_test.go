package journey

import (
	"sync"
	"syscall"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// An app freezes while its sidecar, which holds a third of the partitions, keeps running. The sidecar notices that its app is unhealthy
// and leaves its group. The other two replicas decide the orders, and none waits for longer than 20 s.
func TestFrozenAppDelaysNoOrderForLong(t *testing.T) {
	t.Parallel()
	const limit, freeze = 20 * time.Second, 25 * time.Second
	sys := system.Start(t, system.Options{Replicas: map[string]int{"product": 3}})
	s := newScenario(t, sys)
	ana, dish := s.Customer(), s.Dish(1_000_000, 700)
	s.PlaceConfirmed(ana, scenario.Basket(dish, 1))

	app := sys.Pair("product").Service.PID()
	if err := syscall.Kill(app, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(app, syscall.SIGCONT) })
	var watching sync.WaitGroup
	var mu sync.Mutex
	var orders int
	var slowest time.Duration
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < freeze; <-tick.C {
		watching.Go(func() {
			placed, err := ana.Order(t.Context(), scenario.Basket(dish, 1))
			if err != nil {
				return // not accepted: the call reached the frozen app
			}
			accepted := time.Now()
			order, err := ana.GetOrder(t.Context(), placed.ID, limit)
			waited := time.Since(accepted)
			if err != nil || order.Status != client.Confirmed {
				t.Errorf("order %s after %s: got status %s and error %v, want %s", placed.ID, waited, order.Status, err, client.Confirmed)
			}
			mu.Lock()
			defer mu.Unlock()
			orders, slowest = orders+1, max(slowest, waited)
		})
	}
	watching.Wait()
	if orders < 50 || slowest > limit {
		t.Errorf("got %d orders accepted, the slowest confirmed after %s; want at least 50 and at most %s", orders, slowest, limit)
	}
	t.Logf("%d orders were accepted; the slowest was confirmed after %s", orders, slowest.Round(time.Millisecond))
}

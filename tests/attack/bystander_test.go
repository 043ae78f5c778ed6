package attack

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// bystander is a customer who uses the system, and a probe that checks its health.
type bystander struct {
	t        *testing.T
	sys      *system.System
	customer scenario.User
	dish     client.Product
	usual    time.Duration // the median time of a visit without an attack
}

// newBystander returns a bystander that has measured how long a visit takes without an attack.
func newBystander(t *testing.T) *bystander {
	t.Helper()
	s := newScenario(t)
	b := &bystander{t: t, sys: sharedSystem(t), customer: s.Customer(), dish: s.Dish(100_000, 900)}
	for range 10 {
		b.visit(t.Context()) // warms the caches
	}
	var times []time.Duration
	for range 50 {
		times = append(times, b.visit(t.Context()))
	}
	b.usual = median(times)
	return b
}

// visit places an order, waits for its decision and reads the dish. It returns the time that took. Then it cancels the order.
func (b *bystander) visit(ctx context.Context) time.Duration {
	begun := time.Now()
	placed, err := b.customer.Order(ctx, scenario.Basket(b.dish, 1))
	if err == nil {
		placed, err = b.customer.GetOrder(ctx, placed.ID, scenario.SagaTimeout)
	}
	if err == nil {
		_, err = b.customer.Product(ctx, b.dish.ID)
	}
	took := time.Since(begun)
	if err == nil && placed.Status == client.Confirmed {
		_, err = b.customer.Cancel(ctx, placed.ID, "")
	}
	if err != nil && ctx.Err() == nil {
		b.t.Errorf("a customer during the attack: got %v, want to be served", err)
	}
	return took
}

const (
	minVisits  = 20                     // the number of visits during an attack
	roundEvery = time.Second            // the pause between the beginnings of two rounds of an attack
	probeEvery = 200 * time.Millisecond // the pause between two health checks
)

// during repeats attack until the customer has ordered minVisits times, and meanwhile checks the health of every service. It reports
// the times, and checks the peak of memory. Rounds of the attack begin at fixed intervals (roundEvery): without them the attacker would take
// the processors from the system, which runs on the same machine.
func (b *bystander) during(name string, attack func(t *testing.T)) {
	b.t.Run(name, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		var visits, probes []time.Duration
		var visited atomic.Int32
		watching.Go(func() {
			visits = repeat(ctx, 0, func() time.Duration { defer visited.Add(1); return b.visit(ctx) })
		})
		watching.Go(func() { probes = repeat(ctx, probeEvery, func() time.Duration { return b.probe(ctx, t) }) })
		rounds := 0
		for pace := time.NewTicker(roundEvery); rounds == 0 || visited.Load() < minVisits && !t.Failed(); rounds++ {
			attack(t)
			<-pace.C
		}
		cancel()
		watching.Wait()
		if len(visits) == 0 || len(probes) == 0 {
			t.Errorf("got %d visits and %d health checks, want some of both", len(visits), len(probes))
			return
		}
		t.Logf("%d rounds; a customer's visit usually takes %v; in the attack %v at the median (%.1f times), %v at most, of %d; "+
			"slowest health check %v of %d", rounds, b.usual, median(visits), float64(median(visits))/float64(b.usual), slices.Max(visits), len(visits), slices.Max(probes), len(probes))
		checkMemory(t, b.sys)
	})
}

// repeat calls do, with a pause after each call, until ctx ends. It returns the times of the completed calls.
func repeat(ctx context.Context, pause time.Duration, do func() time.Duration) (times []time.Duration) {
	for ctx.Err() == nil {
		if took := do(); ctx.Err() == nil {
			times = append(times, took)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return times
}

// probe checks the health and the readiness of every service, each time over a new connection, and returns the time of the slowest
// check.
func (b *bystander) probe(ctx context.Context, t *testing.T) (slowest time.Duration) {
	fresh := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: scenario.SagaTimeout}
	for _, service := range system.Services {
		for _, path := range []string{"/healthz", "/healthz/app", "/readyz"} {
			begun := time.Now()
			req := scenario.Try(http.NewRequestWithContext(ctx, http.MethodGet, b.sys.Pair(service).URL+path, nil)).OrFail(t)
			resp, err := fresh.Do(req)
			if ctx.Err() != nil {
				return slowest
			}
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("%s of %s during the attack: got %v, %v, want 200", path, service, status(resp), err)
			}
			if err == nil {
				_ = resp.Body.Close()
			}
			slowest = max(slowest, time.Since(begun))
		}
	}
	return slowest
}

func status(resp *http.Response) string {
	if resp == nil {
		return "no response"
	}
	return resp.Status
}

func median(times []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[len(sorted)/2].Round(100 * time.Microsecond)
}

// hostPort returns the address of a URL for net.Dial.
func hostPort(url string) string {
	address, _, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	return address
}

// attackerAddress returns the loopback address of attacker number n, from 0.
func attackerAddress(n int) string { return fmt.Sprintf("127.0.0.%d", n+2) }

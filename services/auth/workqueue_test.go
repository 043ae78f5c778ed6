package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/servicetest"
)

// holdWorkers occupies n workers until the returned function is called.
func holdWorkers(t *testing.T, q *workQueue, n int) (release func()) {
	t.Helper()
	ended, holding := make(chan struct{}), make(chan struct{})
	for range n {
		go func() {
			if err := q.runWork(context.Background(), "holder", func() { holding <- struct{}{}; <-ended }); err != nil {
				t.Error(err)
			}
		}()
	}
	for range n {
		<-holding
	}
	return func() { close(ended) }
}

// wantBusy checks that err tells the client to come back later.
func wantBusy(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, errBusy) || !fault.Is(err, fault.KindUnavailable) || fault.From(err).RetryAfter == 0 || !fault.From(err).Shed {
		t.Errorf("got %v, want Unavailable with RetryAfter, which is not logged", err)
	}
}

func TestNoMoreWorkRunsThanThereAreWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newWorkQueue(2, 100, time.Hour)
		var mu sync.Mutex
		var all sync.WaitGroup
		running, most, done := 0, 0, 0
		for i := range 50 {
			all.Go(func() {
				if err := q.runWork(t.Context(), fmt.Sprint(i%7), func() {
					mu.Lock()
					running++
					most = max(most, running)
					mu.Unlock()
					time.Sleep(time.Second) // of the bubble's clock: until all others wait
					mu.Lock()
					running--
					done++
					mu.Unlock()
				}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most != 2 || done != 50 {
			t.Errorf("got %d at the same time and %d in all, want 2 and 50", most, done)
		}
	})
}

func TestSurplusWorkIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newWorkQueue(1, 2, time.Hour)
		release := holdWorkers(t, q, 1)
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if err := q.runWork(t.Context(), "ana", func() {}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		wantBusy(t, q.runWork(t.Context(), "ana", func() { t.Error("the surplus was done") }))
		release()
		all.Wait()
		if err := q.runWork(t.Context(), "ana", func() {}); err != nil {
			t.Errorf("afterwards: got %v", err)
		}
	})
}

// A request that has ended, by its client or its time limit, does no work and leaves its place to others.
func TestAnEndedRequestLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newWorkQueue(1, 1, time.Minute)
		release := holdWorkers(t, q, 1)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- q.runWork(ctx, "ana", func() { t.Error("the work of an ended request was done") }) }()
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		if err := q.runWork(ctx, "ana", func() {}); !errors.Is(err, context.Canceled) {
			t.Errorf("ended before: got %v, want %v", err, context.Canceled)
		}
		began := time.Now()
		wantBusy(t, q.runWork(t.Context(), "ana", func() {})) // takes the free place, and gives up after a minute
		if waited := time.Since(began); waited != time.Minute {
			t.Errorf("waited %v for a worker, want a minute", waited)
		}
		release()
		synctest.Wait()
		if err := q.runWork(t.Context(), "ana", func() {}); err != nil || q.free != 1 || q.freePlaces != 1 || len(q.queues) != 0 {
			t.Errorf("afterwards: got %v, %d free workers and %d free places, want none lost", err, q.free, q.freePlaces)
		}
	})
}

// A client with many requests delays another client only by the work in progress. Its own surplus requests are refused first.
func TestClientsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newWorkQueue(1, 6, time.Hour)
		release := holdWorkers(t, q, 1)
		var order []string
		var all sync.WaitGroup
		enqueue := func(client string, results chan<- error) {
			all.Go(func() { results <- q.runWork(t.Context(), client, func() { order = append(order, client) }) })
			synctest.Wait()
		}
		attacker, others := make(chan error, 6), make(chan error, 2)
		for range 6 {
			enqueue("attacker", attacker)
		}
		enqueue("ana", others)
		enqueue("ben", others)
		for range 2 {
			wantBusy(t, <-attacker) // its last two lost their places
		}
		release()
		all.Wait()
		if want := []string{"attacker", "ana", "ben", "attacker", "attacker", "attacker"}; !slices.Equal(order, want) {
			t.Errorf("got the order %v, want %v", order, want)
		}
		for range 2 {
			if err := <-others; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestOneProcessorStaysFree(t *testing.T) {
	for processors, want := range map[int]int{1: 1, 2: 1, 3: 2, 64: maxWorkers} {
		if got := workersOf(processors); got != want {
			t.Errorf("%d processors: got %d workers, want %d", processors, got, want)
		}
	}
}

func TestABusyServiceAnswers503(t *testing.T) {
	h := newHarness(t, func(o *options) { o.queue = newWorkQueue(1, 0, maxWait) })
	h.registerActive(t, "ana@example.com")
	release := holdWorkers(t, h.passwords.queue, 1)
	for name, got := range map[string]struct{ path, body string }{
		"login":        {"/auth/login", loginBody("ana@example.com")},
		"registration": {"/auth/register", registrationBody("eva@example.com", password)},
	} {
		r := h.Request(t, anonymous, "POST", got.path, got.body)
		if r.Code != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
			t.Errorf("%s: got %d %s, want 503 with Retry-After", name, r.Code, r.Body)
		}
	}
	release()
	servicetest.WantMetrics(t, h.metrics, `comanda_logins_total{outcome="busy"} 1`)
}

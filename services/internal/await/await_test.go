package await_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/await"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/telemetry"
)

// A client that disconnects before its Prefer: wait has passed counts as a 499, not as a 503.
func TestADisconnectDuringTheAgreedWaitIsNotAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		ctx, leave := context.WithTimeout(t.Context(), 5*time.Second)
		defer leave()
		r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
		r.Header.Set("Prefer", "wait=10")
		observer := telemetry.NewObserver(registry, slog.New(slog.DiscardHandler))
		observer.Edge(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			await.Wait(r)
			<-r.Context().Done()
			w.WriteHeader(http.StatusServiceUnavailable)
		})).ServeHTTP(httptest.NewRecorder(), r)
		servicetest.WantMetrics(t, registry, `comanda_http_request_duration_seconds_count{code="499",method="GET",route="unmatched"} 1`)
	})
}

// aggregate counts how often it is read and can be settled by another goroutine.
type aggregate struct {
	settled atomic.Bool
	looks   atomic.Int32
}

func (a *aggregate) look(context.Context) (string, bool, error) {
	a.looks.Add(1)
	if a.settled.Load() {
		return "settled", true, nil
	}
	return "open", false, nil
}

func TestUntilReturnsAtOnceAfterALocalChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes await.Changes
		var a aggregate
		begin := time.Now()
		go func() {
			time.Sleep(1510 * time.Millisecond)
			changes.Tell("another")
			changes.Tell("a") // a change that does not settle it
			time.Sleep(time.Millisecond)
			a.settled.Store(true)
			changes.Tell("a")
		}()
		got, err := await.Until(t.Context(), &changes, "a", 30*time.Second, a.look)
		if took := time.Since(begin); got != "settled" || err != nil || took != 1511*time.Millisecond {
			t.Errorf("got %s, %v after %s, want settled after 1.511s", got, err, took)
		}
	})
}

func TestUntilFindsAChangeOfAnotherReplica(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a aggregate
		var queries atomic.Int32
		changes := await.Changes{Settled: func(_ context.Context, ids []string) ([]string, error) {
			if queries.Add(1); len(ids) != 1 || ids[0] != "a" {
				t.Errorf("got a query for %v, want a", ids)
			}
			if queries.Load() == 1 {
				return nil, errors.New("the database is away")
			}
			if a.settled.Load() {
				return ids, nil
			}
			return nil, nil
		}}
		begin := time.Now()
		time.AfterFunc(10*time.Second, func() { a.settled.Store(true) }) // another replica does not call Tell
		const requests = 100
		var all sync.WaitGroup
		for range requests {
			all.Go(func() {
				got, err := await.Until(t.Context(), &changes, "a", 30*time.Second, a.look)
				if took := time.Since(begin); got != "settled" || err != nil || took > 10*time.Second+100*time.Millisecond {
					t.Errorf("got %s, %v after %s, want settled after at most 10.1s", got, err, took)
				}
			})
		}
		all.Wait()
		if looks := a.looks.Load(); looks != 2*requests {
			t.Errorf("got %d looks of %d requests, want one before the wait and one after it each", looks, requests)
		}
		if queries.Load() > 201 {
			t.Errorf("got %d queries in 10 s, want one in 50 ms for all requests", queries.Load())
		}
		time.Sleep(time.Second)
		if after := queries.Load(); after > 201 {
			t.Errorf("got %d queries, want none when no request waits", after)
		}
		a.settled.Store(false) // the polling begins again with the next request
		time.AfterFunc(time.Second, func() { a.settled.Store(true) })
		begin = time.Now()
		if got, err := await.Until(t.Context(), &changes, "a", 30*time.Second, a.look); got != "settled" || err != nil || time.Since(begin) > 2*time.Second {
			t.Errorf("got %s, %v after %s, want settled after a second", got, err, time.Since(begin))
		}
		time.Sleep(time.Second) // until the polling has ended
	})
}

func TestUntilReturnsTheUnsettledValueAfterTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes await.Changes
		var a aggregate
		begin := time.Now()
		got, err := await.Until(t.Context(), &changes, "a", 2*time.Second, a.look)
		if took := time.Since(begin); got != "open" || err != nil || took != 2*time.Second {
			t.Errorf("got %s, %v after %s, want open after 2s", got, err, took)
		}
	})
}

// A change by another replica shortly before the end of the wait is seen by the last look.
func TestUntilLooksOnceMoreAfterTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes await.Changes
		var a aggregate
		time.AfterFunc(1990*time.Millisecond, func() { a.settled.Store(true) })
		if got, err := await.Until(t.Context(), &changes, "a", 2*time.Second, a.look); got != "settled" || err != nil {
			t.Errorf("got %s, %v, want settled", got, err)
		}
	})
}

func TestUntilLimitsEachLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes await.Changes
		begin := time.Now()
		_, err := await.Until(t.Context(), &changes, "a", 30*time.Second, func(ctx context.Context) (string, bool, error) {
			<-ctx.Done()
			return "", false, ctx.Err()
		})
		if took := time.Since(begin); !fault.Is(err, fault.KindUnavailable) || took != 5*time.Second {
			t.Errorf("got error %v after %s, want Unavailable after 5s", err, took)
		}
	})
}

func TestUntilLooksOnceWithoutAWait(t *testing.T) {
	var changes await.Changes
	var a aggregate
	got, err := await.Until(t.Context(), &changes, "a", 0, a.look)
	if got != "open" || err != nil || a.looks.Load() != 1 {
		t.Errorf("got %s, %v, %d looks, want open, 1 look", got, err, a.looks.Load())
	}
}

func TestUntilReturnsTheErrorOfALook(t *testing.T) {
	var changes await.Changes
	boom := errors.New("boom")
	_, err := await.Until(t.Context(), &changes, "a", time.Second, func(context.Context) (int, bool, error) {
		return 0, false, boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("got error %v, want %v", err, boom)
	}
}

// When the server stops, a client that waits gets the value as it is, before its connection is closed. A request that arrives later does
// not wait at all.
func TestUntilAnswersWhenTheServerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes await.Changes
		var a aggregate
		stopping := make(chan struct{})
		ctx := rest.WithStopping(t.Context(), stopping)
		time.AfterFunc(3*time.Second+time.Millisecond, func() { close(stopping) })
		begin := time.Now()
		for range 2 {
			got, err := await.Until(ctx, &changes, "a", 30*time.Second, a.look)
			if took := time.Since(begin); got != "open" || err != nil || took != 3*time.Second+time.Millisecond {
				t.Errorf("got %s, %v after %s, want open after 3.001s", got, err, took)
			}
		}
	})
}

func TestUntilStopsWhenTheContextIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes await.Changes
		var a aggregate
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		begin := time.Now()
		_, err := await.Until(ctx, &changes, "a", 30*time.Second, a.look)
		if took := time.Since(begin); !errors.Is(err, context.Canceled) || took != time.Second {
			t.Errorf("got error %v after %s, want %v after 1s", err, took, context.Canceled)
		}
	})
}

// A change between the look and the wait wakes the request too, while other requests for the same id come and go.
func TestUntilMissesNoChangeBetweenLookAndWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes await.Changes
		var all sync.WaitGroup
		begin := time.Now()
		for range 50 {
			all.Go(func() {
				var a aggregate
				got, err := await.Until(t.Context(), &changes, "a", 30*time.Second, func(ctx context.Context) (string, bool, error) {
					value, settled, err := a.look(ctx)
					if a.settled.CompareAndSwap(false, true) { // it changes right after this look
						changes.Tell("a")
					}
					return value, settled, err
				})
				if got != "settled" || err != nil {
					t.Errorf("got %s, %v, want settled", got, err)
				}
			})
		}
		all.Wait()
		if took := time.Since(begin); took != 0 {
			t.Errorf("took %s, want no sleep", took)
		}
	})
}

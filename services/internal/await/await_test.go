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
	"comanda/services/internal/servicetest"
	"comanda/services/internal/telemetry"
)

// Who has agreed to wait and leaves before that does not leave because of us.
func TestWhoAgreesToWaitIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		ctx, leave := context.WithTimeout(t.Context(), 5*time.Second)
		defer leave()
		r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
		r.Header.Set("Prefer", "wait=10")
		telemetry.NewObserver(registry, slog.New(slog.DiscardHandler)).Edge(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := await.Wait(r); err != nil {
				t.Error(err)
			}
			<-r.Context().Done()
			w.WriteHeader(http.StatusServiceUnavailable)
		})).ServeHTTP(httptest.NewRecorder(), r)
		servicetest.WantMetrics(t, registry, `comanda_http_request_duration_seconds_count{code="499",method="GET",route="unmatched"} 1`)
	})
}

func TestWait(t *testing.T) {
	for _, tc := range []struct {
		headers []string
		want    time.Duration
	}{
		{nil, 0},
		{[]string{"wait=10"}, 10 * time.Second},
		{[]string{"WAIT = 10"}, 10 * time.Second}, // RFC 7240, 2: names are case-insensitive
		{[]string{`wait="3"`}, 3 * time.Second},
		{[]string{"respond-async, wait=30"}, 30 * time.Second},
		{[]string{"return=minimal", "handling=lenient; wait=1"}, time.Second},
		{[]string{"wait=0"}, 0},
		{[]string{"nowait=7"}, 0},
		{[]string{"return=minimal"}, 0},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		for _, value := range tc.headers {
			r.Header.Add("Prefer", value)
		}
		if got, err := await.Wait(r); got != tc.want || err != nil {
			t.Errorf("%q: %s, %v", tc.headers, got, err)
		}
	}
	for _, wrong := range []string{"wait=31", "wait=-1", "wait=", "wait=1.5", "wait=x", "wait=99999999999999999999"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Prefer", wrong)
		if _, err := await.Wait(r); !fault.Is(err, fault.KindMalformed) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

// thing is something that changes.
type thing struct {
	settled atomic.Bool
	looks   atomic.Int32
}

func (th *thing) look(context.Context) (string, bool, error) {
	th.looks.Add(1)
	if th.settled.Load() {
		return "settled", true, nil
	}
	return "open", false, nil
}

func TestUntilItIsSettledHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes await.Changes
		var th thing
		begin := time.Now()
		go func() {
			time.Sleep(1510 * time.Millisecond)
			changes.Tell("another")
			changes.Tell("a") // a change that settles nothing
			time.Sleep(time.Millisecond)
			th.settled.Store(true)
			changes.Tell("a")
		}()
		got, err := await.Until(t.Context(), &changes, "a", 30*time.Second, th.look)
		if took := time.Since(begin); got != "settled" || err != nil || took != 1511*time.Millisecond {
			t.Errorf("%s, %v after %s", got, err, took)
		}
	})
}

func TestUntilItIsSettledElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes await.Changes
		var th thing
		begin := time.Now()
		time.AfterFunc(10*time.Second, func() { th.settled.Store(true) }) // by another replica: nobody tells
		got, err := await.Until(t.Context(), &changes, "a", 30*time.Second, th.look)
		if took := time.Since(begin); got != "settled" || err != nil || took > 11*time.Second {
			t.Errorf("%s, %v after %s", got, err, took)
		}
		if looks := th.looks.Load(); looks > 20 {
			t.Errorf("looked %d times in ten seconds", looks)
		}
	})
}

func TestUntilTheWaitIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes await.Changes
		var th thing
		begin := time.Now()
		got, err := await.Until(t.Context(), &changes, "a", 2*time.Second, th.look)
		if took := time.Since(begin); got != "open" || err != nil || took != 2*time.Second {
			t.Errorf("%s, %v after %s", got, err, took)
		}
	})
}

// TestTheLastLookIsAtTheEnd: what another replica settled shortly before the end is not answered as open.
func TestTheLastLookIsAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes await.Changes
		var th thing
		time.AfterFunc(1990*time.Millisecond, func() { th.settled.Store(true) })
		if got, err := await.Until(t.Context(), &changes, "a", 2*time.Second, th.look); got != "settled" || err != nil {
			t.Errorf("%s, %v", got, err)
		}
	})
}

func TestALookThatHangsIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes await.Changes
		begin := time.Now()
		_, err := await.Until(t.Context(), &changes, "a", 30*time.Second, func(ctx context.Context) (string, bool, error) {
			<-ctx.Done()
			return "", false, ctx.Err()
		})
		if took := time.Since(begin); !fault.Is(err, fault.KindUnavailable) || took != 5*time.Second {
			t.Errorf("%v after %s", err, took)
		}
	})
}

func TestWithoutAWaitItLooksOnce(t *testing.T) {
	var changes await.Changes
	var th thing
	got, err := await.Until(t.Context(), &changes, "a", 0, th.look)
	if got != "open" || err != nil || th.looks.Load() != 1 {
		t.Errorf("%s, %v, %d looks", got, err, th.looks.Load())
	}
}

func TestUntilItFails(t *testing.T) {
	var changes await.Changes
	boom := errors.New("boom")
	_, err := await.Until(t.Context(), &changes, "a", time.Second, func(context.Context) (int, bool, error) { return 0, false, boom })
	if !errors.Is(err, boom) {
		t.Error(err)
	}
}

func TestWhoIsGoneWaitsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes await.Changes
		var th thing
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		begin := time.Now()
		_, err := await.Until(ctx, &changes, "a", 30*time.Second, th.look)
		if took := time.Since(begin); !errors.Is(err, context.Canceled) || took != time.Second {
			t.Errorf("%v after %s", err, took)
		}
	})
}

// TestNoChangeIsMissed: one that comes between the look and the wait wakes as well, whoever else waits, comes and goes.
func TestNoChangeIsMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes await.Changes
		var all sync.WaitGroup
		begin := time.Now()
		for range 50 {
			all.Go(func() {
				var th thing
				got, err := await.Until(t.Context(), &changes, "a", 30*time.Second, func(ctx context.Context) (string, bool, error) {
					seen, settled, err := th.look(ctx)
					if th.settled.CompareAndSwap(false, true) { // it changes right after this look
						changes.Tell("a")
					}
					return seen, settled, err
				})
				if got != "settled" || err != nil {
					t.Errorf("%s, %v", got, err)
				}
			})
		}
		all.Wait()
		if took := time.Since(begin); took != 0 {
			t.Errorf("slept for %s", took)
		}
	})
}

package rest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
)

// largeRequests begins requests for pages in one process. Each holds the memory for its page until end is called.
type largeRequests struct {
	bodies *rest.Bodies
	end    chan struct{} // ends one request
	errs   chan error    // gets the result of each wait for memory
}

// begin begins n requests.
func (l largeRequests) begin(t *testing.T, n int) {
	for range n {
		go l.bodies.Serve(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "GET", "/?limit=1", nil),
			http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, err := newCursors(t, pageSecret).Page(r, nil, new(text))
				l.errs <- err
				if err == nil {
					<-l.end
				}
			}))
	}
}

// A process makes only as many pages at the same time as it has memory for. Further requests wait, and are refused when none ends in time.
func TestPagesShareTheMemoryOfTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const together = 8 // pages of 4 * 256 KiB
		registry := prometheus.NewRegistry()
		l := largeRequests{rest.NewBodies(registry), make(chan struct{}), make(chan error, 2*together)}
		l.begin(t, together+2)
		synctest.Wait()
		if len(l.errs) != together {
			t.Fatalf("got %d pages at the same time, want %d", len(l.errs), together)
		}
		l.end <- struct{}{}
		synctest.Wait()
		if len(l.errs) != together+1 {
			t.Fatalf("after one ended: got %d pages, want one more than %d", len(l.errs), together)
		}
		for range together + 1 {
			if err := <-l.errs; err != nil {
				t.Errorf("a page for which there is memory: got %v", err)
			}
		}
		time.Sleep(2 * time.Second) // of the test's own clock
		synctest.Wait()
		if len(l.errs) != 1 {
			t.Fatalf("got %d results after 2 s, want the refusal of the one that waited", len(l.errs))
		}
		if err := <-l.errs; !fault.Is(err, fault.KindUnavailable) || fault.From(err).RetryAfter == 0 {
			t.Errorf("a page without memory: got %v, want Shed", err)
		}
		servicetest.WantMetrics(t, registry, `comanda_bodies_refused_total{kind="large_response"} 1`)
		close(l.end)
		synctest.Wait()
		l.begin(t, together) // the ended requests have given back all they had
		synctest.Wait()
		if len(l.errs) != together {
			t.Errorf("got %d pages after all had ended, want %d", len(l.errs), together)
		}
	})
}

// Outside a server, in the tests of handlers, there is memory for every page.
func TestLargeResponsesWithoutAServer(t *testing.T) {
	if err := rest.AwaitLargeResponse(context.Background(), 1<<40); err != nil {
		t.Error(err)
	}
}

// One client with very many requests for pages does not make another client wait for all of them.
func TestOneClientDoesNotTakeAllTurnsForPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const takes = 20 * time.Millisecond // of the test's own clock
		bodies, refused := rest.NewBodies(prometheus.NewRegistry()), make(chan error, 250)
		list := func(client string) {
			r := httptest.NewRequestWithContext(rest.WithClient(t.Context(), client), "GET", "/", nil)
			bodies.Serve(httptest.NewRecorder(), r, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if _, err := newCursors(t, pageSecret).Page(r, nil, new(text)); err != nil {
					refused <- err
					return
				}
				time.Sleep(takes)
			}))
		}
		for range 250 {
			go list("greedy")
		}
		synctest.Wait()
		begun := time.Now()
		list("other")
		if waited := time.Since(begun) - takes; waited > 4*takes {
			t.Errorf("the other client waited %s, want at most four turns of %s", waited, takes)
		}
		time.Sleep(time.Second)
		for range 250 - 32 {
			if err := <-refused; !fault.Is(err, fault.KindLimited) || fault.From(err).RetryAfter == 0 {
				t.Errorf("a request of the greedy client: got %v, want Limited", err)
			}
		}
		for range 32 { // those that ended have given their places back
			go list("greedy")
		}
		time.Sleep(time.Second)
		if len(refused) != 0 {
			t.Errorf("got %d more requests refused, want none", len(refused))
		}
	})
}

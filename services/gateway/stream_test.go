package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

// kitchen is order, as the stream sees it: a history that grows, and may not be there for a while.
type kitchen struct {
	mu    sync.Mutex
	past  []change
	err   error
	asked int
}

var course = []event.Status{event.StatusPending, event.StatusConfirmed, event.StatusPreparing, event.StatusReady, event.StatusOutForDelivery, event.StatusDelivered}

// upTo makes the history end with version.
func (k *kitchen) upTo(version int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.past = nil
	for i := range version {
		k.past = append(k.past, change{OrderID: orderID, Status: course[i], Version: i + 1})
	}
}

func (k *kitchen) fails(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *kitchen) history(context.Context) ([]change, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	return k.past, k.err
}

// page is what a client has received so far.
type page struct {
	*httptest.ResponseRecorder
	mu   sync.Mutex
	text strings.Builder
	gone bool
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return 0, errors.New("the client is gone")
	}
	return p.text.Write(b)
}

func (p *page) Flush() {}

// seen boils the page down to "1 2 : retry": versions, comments, hints.
func (p *page) seen() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var seen []string
	for line := range strings.Lines(p.text.String()) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "id: "):
			seen = append(seen, line[4:])
		case strings.HasPrefix(line, ":"):
			seen = append(seen, ":")
		case strings.HasPrefix(line, "retry: "):
			seen = append(seen, "retry")
		}
	}
	return strings.Join(seen, " ")
}

// show is one stream that runs in a bubble of time of its own, where seconds pass as soon as nothing else does.
type show struct {
	t *testing.T
	*kitchen
	page     *page
	hub      *hub
	stopping chan struct{}
	leave    context.CancelFunc
	ended    chan struct{}
}

func watching(t *testing.T, version int, after *int) *show {
	s := &show{t: t, kitchen: &kitchen{}, page: &page{ResponseRecorder: httptest.NewRecorder()}, hub: newHub(9, 9, 9),
		stopping: make(chan struct{}), ended: make(chan struct{})}
	s.upTo(version)
	watcher, err := s.hub.join(orderID, account)
	if err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, s.leave = context.WithCancel(t.Context())
	stream := newStream(s.page, watcher, s.history, s.past, after)
	past := s.past
	go func() {
		defer close(s.ended)
		defer s.hub.leave(watcher)
		stream.run(ctx, s.stopping, past)
	}()
	synctest.Wait()
	return s
}

// hear delivers the event of version.
func (s *show) hear(version int) {
	s.hub.tell(event.OrderStatus{OrderID: orderID, Version: version, Status: course[version-1]})
	synctest.Wait()
}

func (s *show) pass(d time.Duration) { time.Sleep(d); synctest.Wait() }

func (s *show) want(seen string) {
	s.t.Helper()
	if got := s.page.seen(); got != seen {
		s.t.Errorf("seen %q, want %q", got, seen)
	}
}

func (s *show) wantEnd() {
	s.t.Helper()
	select {
	case <-s.ended:
	default:
		s.t.Error("the stream goes on")
		s.leave()
		<-s.ended
	}
	if s.hub.count != 0 || len(s.hub.orders) != 0 || len(s.hub.accounts) != 0 {
		s.t.Errorf("the hub still knows %d watchers", s.hub.count)
	}
}

func version(v int) *int { return &v }

func TestStream(t *testing.T) {
	for name, script := range map[string]func(t *testing.T){
		"it begins with the present and ends with the last": func(t *testing.T) {
			s := watching(t, 2, nil)
			s.want("2")
			for v := 3; v <= 6; v++ {
				s.hear(v)
			}
			s.want("2 3 4 5 6")
			s.wantEnd()
			if s.asked != 0 {
				t.Errorf("asked the history %d times for nothing", s.asked)
			}
		},
		"an order that has ended is shown and closed": func(t *testing.T) {
			s := watching(t, 6, nil)
			s.want("6")
			s.wantEnd()
		},
		"it resumes with every change after the last seen": func(t *testing.T) {
			s := watching(t, 4, version(1))
			s.want("2 3 4")
			s.leave()
			synctest.Wait()
			s.wantEnd()
		},
		"resuming from nothing shows all": func(t *testing.T) {
			s := watching(t, 6, version(0))
			s.want("1 2 3 4 5 6")
			s.wantEnd()
		},
		"an id from the future hides nothing that comes": func(t *testing.T) {
			s := watching(t, 2, version(99))
			s.hear(3)
			s.want("3")
			s.leave()
			<-s.ended
		},
		"duplicates are shown once": func(t *testing.T) {
			s := watching(t, 2, nil)
			for _, v := range []int{1, 2, 3, 3, 2, 3, 4, 4} {
				s.hear(v)
			}
			s.want("2 3 4")
			s.leave()
			<-s.ended
		},
		"an overtaken event is shown in its place": func(t *testing.T) {
			s := watching(t, 1, nil)
			s.upTo(4)
			s.hear(4)
			s.want("1 2 3 4")
			s.hear(2)
			s.hear(3)
			s.want("1 2 3 4")
			s.hear(5)
			s.want("1 2 3 4 5")
			s.leave()
			<-s.ended
		},
		"a lost event is found at the next heartbeat": func(t *testing.T) {
			s := watching(t, 1, nil)
			s.upTo(3)
			s.pass(14 * time.Second)
			s.want("1")
			s.pass(time.Second)
			s.want("1 : 2 3")
			s.leave()
			<-s.ended
		},
		"a lost last event ends the stream all the same": func(t *testing.T) {
			s := watching(t, 5, nil)
			s.upTo(6)
			s.pass(15 * time.Second)
			s.want("5 : 6")
			s.wantEnd()
		},
		"a comment every 15 s": func(t *testing.T) {
			s := watching(t, 1, nil)
			s.pass(46 * time.Second)
			s.want("1 : : :")
			s.leave()
			<-s.ended
		},
		"a gap while order is away is filled when it is back": func(t *testing.T) {
			s := watching(t, 1, nil)
			s.upTo(3)
			s.fails(fault.Unavailable(errors.New("down"), "order does not answer"))
			s.hear(3)
			s.want("1")
			s.pass(3 * time.Second)
			s.fails(nil)
			s.pass(time.Second)
			s.want("1 2 3")
			s.leave()
			<-s.ended
		},
		"order away at a heartbeat ends nothing": func(t *testing.T) {
			s := watching(t, 1, nil)
			s.fails(fault.Unavailable(errors.New("down"), "order does not answer"))
			s.pass(31 * time.Second)
			s.want("1 : :")
			s.fails(nil)
			s.hear(2)
			s.want("1 : : 2")
			s.leave()
			<-s.ended
		},
		"whom order refuses is shown no more": func(t *testing.T) {
			s := watching(t, 1, nil)
			s.fails(refusal{answer{status: http.StatusForbidden}})
			s.pass(15 * time.Second)
			s.wantEnd()
		},
		"stopping ends it with a hint to come back": func(t *testing.T) {
			s := watching(t, 1, nil)
			close(s.stopping)
			synctest.Wait()
			s.want("1 retry")
			s.wantEnd()
		},
		"a client that is gone ends it": func(t *testing.T) {
			s := watching(t, 1, nil)
			s.page.mu.Lock()
			s.page.gone = true
			s.page.mu.Unlock()
			s.hear(2)
			s.wantEnd()
		},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, script) })
	}
}

func TestTheHubDropsWhoIsSlowAndWaitsForNobody(t *testing.T) {
	h := newHub(9, 9, 9)
	slow, _ := h.join(orderID, account)
	quick, _ := h.join(orderID, account)
	for v := range backlog + 1 {
		h.tell(event.OrderStatus{OrderID: orderID, Version: v})
		<-quick.changes
	}
	select {
	case <-slow.lost:
	default:
		t.Error("the slow one is still there")
	}
	select {
	case <-quick.lost:
		t.Error("the quick one was dropped")
	default:
	}
	h.leave(slow) // once more does no harm
	h.leave(quick)
	if h.count != 0 || len(h.accounts) != 0 || len(h.orders) != 0 {
		t.Errorf("left behind: %+v", h)
	}
}

func TestTheHubHasRoomForSoManyOnly(t *testing.T) {
	h := newHub(4, 2, 3)
	join := func(order, account string, want fault.Kind) {
		t.Helper()
		_, err := h.join(order, account)
		if want == fault.KindInternal && err != nil || want != fault.KindInternal && !fault.Is(err, want) {
			t.Errorf("%s %s: %v", order, account, err)
		}
	}
	join("a", "1", fault.KindInternal)
	join("a", "1", fault.KindInternal)
	join("a", "2", fault.KindLimited) // the order has two
	join("b", "1", fault.KindInternal)
	join("c", "1", fault.KindLimited) // the account has three
	join("c", "2", fault.KindInternal)
	join("d", "3", fault.KindUnavailable) // there are four
}

func TestManyStreamsAtOnce(t *testing.T) {
	h := newHub(1000, 1000, 1000)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			w, err := h.join(fmt.Sprint(i%5), account)
			if err != nil {
				t.Error(err)
				return
			}
			h.tell(event.OrderStatus{OrderID: w.order, Version: 1})
			<-w.changes
			h.leave(w)
		})
	}
	all.Wait()
	if h.count != 0 {
		t.Errorf("%d left", h.count)
	}
}

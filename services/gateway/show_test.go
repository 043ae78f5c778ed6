package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"comanda/services/event"
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

// play runs each script in a bubble.
func play(t *testing.T, scripts map[string]func(t *testing.T)) {
	t.Helper()
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) { synctest.Test(t, script) })
	}
}

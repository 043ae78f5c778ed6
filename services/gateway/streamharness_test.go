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

// fakeHistory is order, as the stream sees it: a history that grows, and may not be there for a while.
type fakeHistory struct {
	mu    sync.Mutex
	past  []statusChange
	err   error
	asked int
}

var orderCourse = []event.Status{event.StatusPending, event.StatusConfirmed, event.StatusPreparing, event.StatusReady, event.StatusOutForDelivery, event.StatusDelivered}

// upTo makes the history end with version.
func (k *fakeHistory) growTo(version int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.past = nil
	for i := range version {
		k.past = append(k.past, statusChange{OrderID: orderID, Status: orderCourse[i], Version: i + 1})
	}
}

func (k *fakeHistory) failWith(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
}

func (k *fakeHistory) history(context.Context) ([]statusChange, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked++
	return k.past, k.err
}

// page is what a client has received so far.
type fakeClient struct {
	*httptest.ResponseRecorder
	mu   sync.Mutex
	text strings.Builder
	gone bool
}

func (p *fakeClient) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return 0, errors.New("the client is gone")
	}
	return p.text.Write(b)
}

func (p *fakeClient) Flush() {}

// seen boils the page down to "1 2 : retry": versions, comments, hints.
func (p *fakeClient) seen() string {
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
type streamHarness struct {
	t *testing.T
	*fakeHistory
	page     *fakeClient
	hub      *hub
	stopping chan struct{}
	leave    context.CancelFunc
	ended    chan struct{}
}

func startStream(t *testing.T, version int, after *int) *streamHarness {
	s := &streamHarness{t: t, fakeHistory: &fakeHistory{}, page: &fakeClient{ResponseRecorder: httptest.NewRecorder()}, hub: newHub(9, 9, 9),
		stopping: make(chan struct{}), ended: make(chan struct{})}
	s.growTo(version)
	watcher, err := s.hub.addWatcher(orderID, account)
	if err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, s.leave = context.WithCancel(t.Context())
	stream := newStream(s.page, watcher, s.history, s.past, after)
	past := s.past
	go func() {
		defer close(s.ended)
		defer s.hub.removeWatcher(watcher)
		stream.run(ctx, s.stopping, past)
	}()
	synctest.Wait()
	return s
}

// hear delivers the event of version.
func (s *streamHarness) deliver(version int) {
	s.hub.notifyWatchers(event.OrderStatus{OrderID: orderID, Version: version, Status: orderCourse[version-1]})
	synctest.Wait()
}

func (s *streamHarness) advance(d time.Duration) { time.Sleep(d); synctest.Wait() }

func (s *streamHarness) want(seen string) {
	s.t.Helper()
	if got := s.page.seen(); got != seen {
		s.t.Errorf("seen %q, want %q", got, seen)
	}
}

func (s *streamHarness) wantEnd() {
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
func runInBubbles(t *testing.T, scripts map[string]func(t *testing.T)) {
	t.Helper()
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) { synctest.Test(t, script) })
	}
}

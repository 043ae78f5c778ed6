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

// fakeHistory is a fake of order's history that tests can extend and make fail.
type fakeHistory struct {
	mu    sync.Mutex
	past  []statusChange
	err   error
	reads int
}

// orderCourse holds the statuses of a delivered order; the status of version v is at index v-1.
var orderCourse = []event.Status{event.StatusPending, event.StatusConfirmed, event.StatusPreparing, event.StatusReady,
	event.StatusOutForDelivery, event.StatusDelivered}

// historyGrowsTo makes the history end with version.
func (f *fakeHistory) historyGrowsTo(version int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.past = nil
	for i := range version {
		f.past = append(f.past, statusChange{OrderID: orderID, Status: orderCourse[i], Version: i + 1})
	}
}

func (f *fakeHistory) failWith(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *fakeHistory) history(context.Context) ([]statusChange, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	return f.past, f.err
}

// fakeClient records the part of a stream that a client has received.
type fakeClient struct {
	*httptest.ResponseRecorder
	mu           sync.Mutex
	text         strings.Builder
	disconnected bool
}

func (c *fakeClient) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.disconnected {
		return 0, errors.New("the client has disconnected")
	}
	return c.text.Write(b)
}

func (c *fakeClient) Flush() {}

// seen summarises the received part, such as "1 2 : retry": versions, comments and retry times.
func (c *fakeClient) seen() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var seen []string
	for line := range strings.Lines(c.text.String()) {
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

// streamHarness runs one stream in a synctest bubble, where time advances when all goroutines are blocked.
type streamHarness struct {
	t *testing.T
	*fakeHistory
	client     *fakeClient
	hub        *hub
	stopping   chan struct{}
	disconnect context.CancelFunc
	ended      chan struct{}
}

// startStream starts a stream of an order whose history ends with version; the client resumes behind the version in after.
func startStream(t *testing.T, version int, after *int) *streamHarness {
	s := &streamHarness{t: t, fakeHistory: &fakeHistory{}, client: &fakeClient{ResponseRecorder: httptest.NewRecorder()},
		hub: newHub(watcherLimits{9, 9, 9, 9, 9}), stopping: make(chan struct{}), ended: make(chan struct{})}
	s.historyGrowsTo(version)
	watcher, err := s.hub.addWatcher(orderID, viewer{account: account})
	if err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, s.disconnect = context.WithCancel(t.Context())
	stream := newStream(s.client, watcher, s.history, s.past, after)
	go func() {
		defer close(s.ended)
		defer s.hub.removeWatcher(watcher)
		stream.run(ctx, s.stopping)
	}()
	synctest.Wait()
	return s
}

// deliver delivers the event of version.
func (s *streamHarness) deliver(version int) {
	s.hub.notifyWatchers(event.OrderStatus{OrderID: orderID, Version: version, Status: orderCourse[version-1]})
	synctest.Wait()
}

func (s *streamHarness) advance(d time.Duration) { time.Sleep(d); synctest.Wait() }

func (s *streamHarness) want(seen string) {
	s.t.Helper()
	if got := s.client.seen(); got != seen {
		s.t.Errorf("client received %q, want %q", got, seen)
	}
}

func (s *streamHarness) wantEnd() {
	s.t.Helper()
	select {
	case <-s.ended:
	default:
		s.t.Error("the stream has not ended")
		s.disconnect()
		<-s.ended
	}
	if s.hub.count != 0 || len(s.hub.orders) != 0 || len(s.hub.accounts) != 0 {
		s.t.Errorf("got %d watchers in the hub, want 0", s.hub.count)
	}
}

func (s *streamHarness) wantReads(want int) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reads != want {
		s.t.Errorf("got %d reads of the history, want %d", s.reads, want)
	}
}

func version(v int) *int { return &v }

// runInBubbles runs each script as a subtest in its own synctest bubble.
func runInBubbles(t *testing.T, scripts map[string]func(t *testing.T)) {
	t.Helper()
	for name, script := range scripts {
		t.Run(name, func(t *testing.T) { synctest.Test(t, script) })
	}
}

package groups

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// app stands in for the app. It records the requests, which the test answers.
type app struct {
	queues *Queues

	mu       sync.Mutex
	requests []*request
}

// request is a request to the app: a group, or an event by itself.
type request struct {
	text   string // "A by itself" or "A B C"
	ctx    context.Context
	answer func(index int, status string) // for a group
	end    chan error                     // ends the response
}

// call is one call of Deliver.
type call struct {
	cancel context.CancelFunc
	done   chan struct{}
	status string
	err    error
}

// withApp runs a test with virtual time. It ends all requests at the end of the test.
func withApp(t *testing.T, test func(t *testing.T, a *app)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		a := &app{}
		a.queues = NewQueues(func(ctx context.Context, _ string, events []Event, answer func(int, string)) error {
			var names []string
			for _, e := range events {
				names = append(names, string(e.Data))
			}
			return a.record(&request{text: strings.Join(names, " "), ctx: ctx, answer: answer})
		})
		defer func() {
			for i := 0; i < len(a.sent()); i++ {
				a.sent()[i].finish(nil)
			}
		}()
		test(t, a)
	})
}

// record notes a request and waits until it ends or is cancelled.
func (a *app) record(r *request) error {
	r.end = make(chan error, 1)
	a.mu.Lock()
	a.requests = append(a.requests, r)
	a.mu.Unlock()
	select {
	case err := <-r.end:
		return err
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}

// sent returns the requests so far, when nothing moves any more.
func (a *app) sent() []*request {
	synctest.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.requests)
}

// last returns the newest request.
func (a *app) last() *request {
	sent := a.sent()
	return sent[len(sent)-1]
}

// finish ends a response.
func (r *request) finish(err error) {
	select {
	case r.end <- err:
	default:
	}
}

// deliver delivers one event after the other, and returns when each waits or is on its way.
func (a *app) deliver(t *testing.T, names ...string) (calls []*call) {
	t.Helper()
	return a.deliverTo(t, "/events", names...)
}

func (a *app) deliverTo(t *testing.T, path string, names ...string) (calls []*call) {
	t.Helper()
	for _, name := range names {
		ctx, cancel := context.WithCancel(t.Context())
		c := &call{cancel: cancel, done: make(chan struct{})}
		calls = append(calls, c)
		go func() {
			defer close(c.done)
			defer cancel()
			c.status, c.err = a.queues.Deliver(ctx, path, Event{Data: []byte(name)}, func() error {
				return a.record(&request{text: short(name) + " by itself", ctx: ctx})
			})
		}()
		synctest.Wait()
	}
	return calls
}

// short shortens the name of a large event.
func short(name string) string { return name[:min(len(name), 10)] }

// wantSent checks the texts of all requests so far.
func (a *app) wantSent(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for _, r := range a.sent() {
		got = append(got, r.text)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("requests: got %q, want %q", got, want)
	}
}

// wantStatus checks that a delivery has returned with a status.
func (c *call) wantStatus(t *testing.T, want string) {
	t.Helper()
	c.wantDone(t)
	if c.status != want || c.err != nil {
		t.Errorf("delivery: got status %q and error %v, want %q and none", c.status, c.err, want)
	}
}

func (c *call) wantDone(t *testing.T) {
	t.Helper()
	if !c.isDone() {
		t.Fatal("the delivery still waits, want it done")
	}
}

func (c *call) wantWaiting(t *testing.T) {
	t.Helper()
	if c.isDone() {
		t.Fatalf("the delivery is done with status %q and error %v, want it to wait", c.status, c.err)
	}
}

func (c *call) isDone() bool {
	synctest.Wait()
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// group delivers the events together and returns their deliveries and the request.
func (a *app) group(t *testing.T, names ...string) ([]*call, *request) {
	t.Helper()
	a.deliver(t, "first")
	calls := a.deliver(t, names...)
	a.last().finish(nil)
	a.wantSent(t, "first by itself", strings.Join(names, " "))
	return calls, a.last()
}

package groups

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
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

func TestLoneEventIsSentAtOnceByItself(t *testing.T) {
	withApp(t, func(t *testing.T, a *app) {
		for _, want := range []error{nil, errors.New("the app failed")} {
			c := a.deliver(t, "A")[0]
			a.wantSent(t, "A by itself")
			a.last().finish(want)
			c.wantDone(t)
			if c.status != "" || !errors.Is(c.err, want) {
				t.Errorf("delivery: got status %q and error %v, want none and %v", c.status, c.err, want)
			}
			a.requests = nil
		}
	})
}

func TestEventsThatArriveDuringARequestGoTogether(t *testing.T) {
	withApp(t, func(t *testing.T, a *app) {
		began := time.Now()
		a.deliver(t, "A")
		calls := a.deliver(t, "B", "C", "D")
		a.wantSent(t, "A by itself")
		a.last().finish(nil)
		a.wantSent(t, "A by itself", "B C D")
		for i, c := range calls {
			c.wantWaiting(t)
			status := fmt.Sprintf("STATUS %d", i)
			a.last().answer(i, status)
			c.wantStatus(t, status)
		}
		if waited := time.Since(began); waited != 0 {
			t.Errorf("the events waited %s for a timer, want none", waited)
		}
	})
}

func TestEventsOfOtherPathsDoNotWait(t *testing.T) {
	withApp(t, func(t *testing.T, a *app) {
		a.deliver(t, "A")
		a.deliverTo(t, "/others", "B")
		a.wantSent(t, "A by itself", "B by itself")
	})
}

// A request that hangs delays the events after it by patience, once. From then on they wait only for each other.
func TestSlowRequestDelaysTheNextByPatienceOnce(t *testing.T) {
	withApp(t, func(t *testing.T, a *app) {
		a.deliver(t, "hangs")
		time.Sleep(patience - time.Millisecond)
		a.deliver(t, "B", "C")
		a.wantSent(t, "hangs by itself")
		time.Sleep(time.Millisecond)
		a.wantSent(t, "hangs by itself", "B C")
		a.deliver(t, "D")
		group := a.last()
		group.answer(0, "SUCCESS")
		a.wantSent(t, "hangs by itself", "B C")
		group.answer(1, "SUCCESS")
		a.wantSent(t, "hangs by itself", "B C", "D by itself")
		a.last().finish(nil)
		a.deliver(t, "E")
		a.wantSent(t, "hangs by itself", "B C", "D by itself", "E by itself")
	})
}

// The end of a request that was not waited for leaves the events alone that wait for a later one.
func TestLateEndOfASlowRequestChangesNothing(t *testing.T) {
	withApp(t, func(t *testing.T, a *app) {
		a.deliver(t, "slow")
		slow := a.last()
		time.Sleep(patience)
		a.deliver(t, "B")
		a.deliver(t, "C")
		slow.finish(nil)
		a.wantSent(t, "slow by itself", "B by itself")
		a.last().finish(nil)
		a.wantSent(t, "slow by itself", "B by itself", "C by itself")
	})
}

func TestStatusReleasesItsEventBeforeTheOthers(t *testing.T) {
	withApp(t, func(t *testing.T, a *app) {
		first := a.deliver(t, "A")
		calls := a.deliver(t, "B", "hangs")
		a.last().finish(nil)
		first[0].wantStatus(t, "")
		a.last().answer(0, "SUCCESS")
		calls[0].wantStatus(t, "SUCCESS")
		calls[1].wantWaiting(t)
		a.deliver(t, "the next one of B's partition")
		time.Sleep(patience)
		a.wantSent(t, "A by itself", "B hangs", "the next o by itself")
		calls[1].wantWaiting(t)
	})
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

func TestEventsWithoutAStatusAreSentByThemselves(t *testing.T) {
	for name, end := range map[string]error{"an incomplete response": nil, "an error": errors.New("connection reset")} {
		t.Run(name, func(t *testing.T) {
			withApp(t, func(t *testing.T, a *app) {
				calls, group := a.group(t, "A", "B", "C")
				group.answer(1, "DROP")
				group.answer(1, "SUCCESS") // the first one counts
				group.answer(2, "")
				group.answer(3, "SUCCESS")
				group.answer(-1, "SUCCESS")
				calls[1].wantStatus(t, "DROP")
				calls[0].wantWaiting(t)
				calls[2].wantWaiting(t)
				group.finish(end)
				sent := a.sent()[2:]
				if len(sent) != 2 || sent[0].text == sent[1].text {
					t.Fatalf("requests after the group: got %d, want one for A and one for C", len(sent))
				}
				failed := errors.New("404")
				for _, r := range sent {
					r.finish(failed)
				}
				for _, c := range []*call{calls[0], calls[2]} {
					if c.wantDone(t); c.status != "" || !errors.Is(c.err, failed) {
						t.Errorf("delivery: got status %q and error %v, want none and that of its own request", c.status, c.err)
					}
				}
			})
		})
	}
}

func TestEventThatIsCancelledWhileItWaitsIsNotSent(t *testing.T) {
	withApp(t, func(t *testing.T, a *app) {
		a.deliver(t, "A")
		calls := a.deliver(t, "B", "C", "D")
		calls[1].cancel()
		if calls[1].wantDone(t); !errors.Is(calls[1].err, context.Canceled) {
			t.Errorf("delivery: got error %v, want context.Canceled", calls[1].err)
		}
		a.last().finish(nil)
		a.wantSent(t, "A by itself", "B D")
	})
}

// A group is not cancelled because of one of its events. It is when no event is waited for any more, and does not delay the next then.
func TestGroupIsCancelledWithItsLastEvent(t *testing.T) {
	withApp(t, func(t *testing.T, a *app) {
		calls, group := a.group(t, "A", "B", "C")
		a.deliver(t, "D")
		calls[0].cancel()
		calls[0].wantDone(t)
		group.answer(1, "SUCCESS")
		calls[1].wantStatus(t, "SUCCESS")
		if group.ctx.Err() != nil {
			t.Fatal("the request was cancelled although an event waits for its status")
		}
		calls[2].cancel()
		calls[2].wantDone(t)
		if group.ctx.Err() == nil {
			t.Error("the request goes on although no event waits for it")
		}
		a.wantSent(t, "first by itself", "A B C", "D by itself")
	})
}

// An event may be cancelled at the moment when it is to be delivered by itself. Then it must not keep the queue.
func TestEventThatIsCancelledWhenItsTurnComesPassesTheTurnOn(t *testing.T) {
	for range 50 { // which of the two the event sees is random
		withApp(t, func(t *testing.T, a *app) {
			a.deliver(t, "A")
			cancelled := a.deliver(t, "B")[0]
			cancelled.cancel()
			a.requests[0].finish(nil)
			cancelled.wantDone(t)
			a.deliver(t, "C")
			if got := a.last().text; got != "C by itself" {
				t.Fatalf("last request: got %q, want C at once", got)
			}
		})
	}
}

// A response is read to its end, so that its connection can be used again; but not for ever.
func TestResponseThatDoesNotEndIsCancelledAfterItsLastStatus(t *testing.T) {
	withApp(t, func(t *testing.T, a *app) {
		_, group := a.group(t, "A", "B")
		group.answer(0, "SUCCESS")
		time.Sleep(time.Hour)
		group.answer(1, "SUCCESS")
		a.deliver(t, "C")
		a.wantSent(t, "first by itself", "A B", "C by itself")
		time.Sleep(tail - time.Millisecond)
		if synctest.Wait(); group.ctx.Err() != nil {
			t.Fatal("the request was cancelled before the app could end its response")
		}
		time.Sleep(time.Millisecond)
		if synctest.Wait(); group.ctx.Err() == nil {
			t.Error("the request goes on without an end")
		}
	})
}

func TestGroupHasAtMostMaxEvents(t *testing.T) {
	withApp(t, func(t *testing.T, a *app) {
		a.deliver(t, "A")
		for range maxEvents + 2 {
			a.deliver(t, "B")
		}
		a.last().finish(nil)
		all := strings.TrimSpace(strings.Repeat("B ", maxEvents))
		a.wantSent(t, "A by itself", all)
		for i := range maxEvents {
			a.last().answer(i, "SUCCESS")
		}
		a.wantSent(t, "A by itself", all, "B B")
	})
}

func TestGroupHasAtMostMaxBytes(t *testing.T) {
	withApp(t, func(t *testing.T, a *app) {
		half := strings.Repeat("h", maxBytes/2)
		a.deliver(t, "A")
		a.deliver(t, half, half, half, strings.Repeat("l", 2*maxBytes), "B")
		a.last().finish(nil)
		a.wantSent(t, "A by itself", half+" "+half)
		for i := range 2 {
			a.last().answer(i, "SUCCESS")
		}
		for _, want := range []string{"hhhhhhhhhh by itself", "llllllllll by itself", "B by itself"} {
			if got := a.last().text; got != want {
				t.Fatalf("request: got %s, want %s", short(got), want)
			}
			a.last().finish(nil)
		}
	})
}

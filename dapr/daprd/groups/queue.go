package groups

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxEvents and maxBytes bound a group. One event may be larger than maxBytes: then it is a group of its own.
	maxEvents = 64
	maxBytes  = 1 << 20

	// patience is how long events wait for the group before theirs. Under load the next events gather meanwhile. A group that takes longer
	// has an event that is slow, and the others must not wait for it.
	patience = 25 * time.Millisecond
)

// ErrNoStatus means that the app's response has no status for an event. The event is to be retried.
var ErrNoStatus = errors.New("the app's response to a group of events has no status for this event")

// Event is an event as the app gets it.
type Event struct {
	Data        []byte // a CloudEvent in JSON
	Traceparent string // of the delivery's span; empty without tracing
}

// send sends a group of events to a path of the app, and calls answer with the index and the status of each event as they arrive.
type send func(ctx context.Context, path string, events []Event, answer func(index int, status string)) error

// Queues has a queue for each path of the app. The zero value has no send function.
type Queues struct {
	send send
	mu   sync.Mutex
	all  map[string]*queue
}

// NewQueues returns Queues that send groups with send.
func NewQueues(send send) *Queues { return &Queues{send: send, all: map[string]*queue{}} }

// queue holds the events that wait for the next group of a path.
type queue struct {
	path     string
	waiting  []*waiter
	underWay int       // groups
	began    time.Time // when the last group began
	timer    *time.Timer
}

// waiter is an event that waits for its status.
type waiter struct {
	ctx   context.Context
	event Event
	done  chan result // has room for the one result
}

// result is the end of a wait: a status, an error, or the turn of a group of one event, whose caller sends it by itself.
type result struct {
	status string
	err    error
	alone  bool
}

// Deliver delivers an event together with others that are ready. It returns the status of the event in the app's response. If no other event
// is ready, it calls alone, which delivers the event in a request of its own, and alone's error is Deliver's; handled is then false.
func (q *Queues) Deliver(ctx context.Context, path string, event Event, alone func() error) (status string, grouped bool, err error) {
	w := &waiter{ctx: ctx, event: event, done: make(chan result, 1)}
	if !q.enter(path, w) {
		select {
		case r := <-w.done:
			if !r.alone {
				return r.status, true, r.err
			}
		case <-ctx.Done():
			q.leave(path, w)
			return "", true, ctx.Err()
		}
	}
	defer q.finish(path)
	return "", false, alone()
}

// enter begins a group of one event if none is under way, and returns true. Otherwise the event waits.
func (q *Queues) enter(path string, w *waiter) (begun bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waits := q.all[path]
	if waits == nil {
		waits = &queue{path: path}
		q.all[path] = waits
	}
	if waits.underWay == 0 {
		waits.underWay, waits.began = 1, time.Now()
		return true
	}
	waits.waiting = append(waits.waiting, w)
	q.beginNext(waits)
	return false
}

// leave takes an event out of its queue whose context is done. It ends its group if the turn of that event has come at the same moment.
func (q *Queues) leave(path string, w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waits := q.all[path]
	for i, other := range waits.waiting {
		if other == w {
			waits.waiting = append(waits.waiting[:i], waits.waiting[i+1:]...)
			return
		}
	}
	select {
	case r := <-w.done:
		if r.alone {
			waits.underWay--
			q.beginNext(waits)
		}
	default:
	}
}

// finish ends a group.
func (q *Queues) finish(path string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waits := q.all[path]
	waits.underWay--
	q.beginNext(waits)
}

// beginNext begins the next group if the one before it has ended, or has taken longer than patience. The caller holds q.mu.
func (q *Queues) beginNext(waits *queue) {
	if len(waits.waiting) == 0 {
		return
	}
	if left := patience - time.Since(waits.began); waits.underWay > 0 && left > 0 {
		if waits.timer == nil {
			waits.timer = time.AfterFunc(left, func() {
				q.mu.Lock()
				defer q.mu.Unlock()
				waits.timer = nil
				q.beginNext(waits)
			})
		}
		return
	}
	group := waits.takeGroup()
	waits.underWay++
	waits.began = time.Now()
	if len(group) == 1 {
		group[0].done <- result{alone: true}
	} else {
		go q.run(waits.path, group)
	}
	q.beginNext(waits) // the events that the group had no room for get their timer
}

// takeGroup removes the next group from the waiting events.
func (q *queue) takeGroup() []*waiter {
	count, bytes := 0, 0
	for count < len(q.waiting) && count < maxEvents {
		if bytes += len(q.waiting[count].event.Data); count > 0 && bytes > maxBytes {
			break
		}
		count++
	}
	group := q.waiting[:count:count]
	q.waiting = append([]*waiter(nil), q.waiting[count:]...)
	return group
}

// run sends a group and passes its statuses on. The request ends when no event of the group is waited for any more.
func (q *Queues) run(path string, group []*waiter) {
	defer q.finish(path)
	ctx, cancel := context.WithCancel(context.WithoutCancel(group[0].ctx))
	defer cancel()
	var left atomic.Int32
	left.Store(int32(len(group)))
	events := make([]Event, 0, len(group))
	for _, w := range group {
		events = append(events, w.event)
		defer context.AfterFunc(w.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})()
	}
	answered := make([]bool, len(group))
	err := q.send(ctx, path, events, func(index int, status string) {
		if index >= 0 && index < len(group) && !answered[index] {
			answered[index] = true
			group[index].done <- result{status: status}
		}
	})
	if err == nil {
		err = ErrNoStatus
	}
	for i, w := range group {
		if !answered[i] {
			w.done <- result{err: err}
		}
	}
}

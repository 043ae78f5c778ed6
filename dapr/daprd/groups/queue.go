package groups

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/dapr/kit/logger"
)

const (
	// maxEvents and maxBytes bound a group. An event larger than maxBytes is a group of its own.
	maxEvents = 64
	maxBytes  = 1 << 20

	// patience is how long events wait for the end of the group before theirs. Under load the next events gather meanwhile. A group that
	// takes longer has a slow event, and the others must not wait for it.
	patience = 25 * time.Millisecond

	// tail is how long the app may take to end its response after the last status. A response that is read to its end leaves the connection
	// for the next group.
	tail = time.Second
)

var (
	log = logger.NewLogger("dapr.groups")

	errIncomplete = errors.New("the app's response is incomplete")
)

// Event is an event as the app gets it.
type Event struct {
	Data        []byte // a CloudEvent in JSON
	Traceparent string // of the delivery's span; empty without tracing
}

// Send sends a group of events to a path of the app. It calls answer with the index and the status of each event as they arrive.
type Send func(ctx context.Context, path string, events []Event, answer func(index int, status string)) error

// Queues delivers events. Each path of the app has a queue of its own.
type Queues struct {
	send Send

	mu     sync.Mutex // guards all that follows, and the queues, groups and deliveries
	queues map[string]*queue
}

// NewQueues returns Queues that send groups with send.
func NewQueues(send Send) *Queues { return &Queues{send: send, queues: map[string]*queue{}} }

// queue has the events of one path that wait for the next group.
type queue struct {
	path    string
	waiting []*delivery
	// current is the group for whose end they wait. It is nil after that end, or after patience.
	current *group
}

// group is the events that are delivered together: in one request, or by its caller if there is only one event.
type group struct {
	queue    *queue
	members  []*delivery
	open     int                // members without a result
	patience *time.Timer        // makes the queue go on without waiting for the end
	cancel   context.CancelFunc // of the request; nil if there is none
}

// delivery is an event on its way to the app.
type delivery struct {
	event   Event
	group   *group      // nil while the event waits
	settled bool        // it has a result, or left
	result  chan string // gets the status, or none if the event is to be delivered by itself
}

// Deliver delivers an event together with others that are ready, and returns its status in the app's response. Without others it calls alone
// at once, which delivers the event by itself, and returns no status but alone's error. It also calls alone when the group's response has no
// status for the event.
func (q *Queues) Deliver(ctx context.Context, path string, event Event, alone func() error) (status string, err error) {
	d := &delivery{event: event, result: make(chan string, 1)}
	q.enter(path, d)
	select {
	case status = <-d.result:
		if status != "" {
			return status, nil
		}
	case <-ctx.Done():
		q.leave(path, d)
		return "", ctx.Err()
	}
	defer q.leave(path, d)
	return "", alone()
}

// enter puts an event into its queue, and begins a group if it need not wait.
func (q *Queues) enter(path string, d *delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	waits := q.queues[path]
	if waits == nil {
		waits = &queue{path: path}
		q.queues[path] = waits
	}
	waits.waiting = append(waits.waiting, d)
	if waits.current == nil {
		q.begin(waits)
	}
}

// leave takes an event whose caller does not wait any more out of its queue or group. A request without such callers ends.
func (q *Queues) leave(path string, d *delivery) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if d.group == nil {
		waits := q.queues[path]
		waits.waiting = slices.DeleteFunc(waits.waiting, func(other *delivery) bool { return other == d })
		return
	}
	if q.settle(d) && d.group.open == 0 && d.group.cancel != nil {
		d.group.cancel()
	}
}

// settle notes that an event has a result or left, and reports whether that is new. After the last event its group ends. The caller holds q.mu.
func (q *Queues) settle(d *delivery) bool {
	if d.settled {
		return false
	}
	d.settled = true
	d.group.open--
	if d.group.open == 0 {
		q.goOn(d.group)
	}
	return true
}

// goOn ends the wait for a group, and begins the next. The caller holds q.mu.
func (q *Queues) goOn(g *group) {
	if g.queue.current != g {
		return
	}
	g.patience.Stop()
	g.queue.current = nil
	if len(g.queue.waiting) > 0 {
		q.begin(g.queue)
	}
}

// begin begins a group with the events that wait. The caller holds q.mu.
func (q *Queues) begin(waits *queue) {
	g := &group{queue: waits, members: waits.take()}
	g.open = len(g.members)
	for _, d := range g.members {
		d.group = g
	}
	waits.current = g
	g.patience = time.AfterFunc(patience, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.goOn(g)
	})
	if len(g.members) == 1 {
		g.members[0].result <- ""
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	g.cancel = cancel
	go q.run(ctx, g)
}

// take removes the members of the next group from the events that wait.
func (q *queue) take() []*delivery {
	count, bytes := 0, 0
	for count < len(q.waiting) && count < maxEvents {
		if bytes += len(q.waiting[count].event.Data); count > 0 && bytes > maxBytes {
			break
		}
		count++
	}
	members := q.waiting[:count:count]
	q.waiting = slices.Clone(q.waiting[count:])
	return members
}

// run sends a group. Members without a status are then delivered by themselves.
func (q *Queues) run(ctx context.Context, g *group) {
	defer g.cancel()
	events := make([]Event, 0, len(g.members))
	for _, d := range g.members {
		events = append(events, d.event)
	}
	err := q.send(ctx, g.queue.path, events, func(index int, status string) { q.answer(g, index, status) })
	if without := q.sendAlone(g); without > 0 {
		log.Warnf("%s: no status for %d of %d events that were sent together, they are sent again one by one: %v", g.queue.path, without, len(events), err)
	}
}

// sendAlone lets the members without a status be delivered by themselves, and returns how many they are.
func (q *Queues) sendAlone(g *group) (without int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range g.members {
		if q.settle(d) {
			without++
			d.result <- ""
		}
	}
	return without
}

// answer passes the status of a member on. Without one it is delivered by itself.
func (q *Queues) answer(g *group, index int, status string) {
	if index < 0 || index >= len(g.members) {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if d := g.members[index]; q.settle(d) {
		d.result <- status
		if g.open == 0 {
			time.AfterFunc(tail, g.cancel)
		}
	}
}

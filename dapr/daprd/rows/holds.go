package rows

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

const (
	firstDelay = 100 * time.Millisecond
	maxDelay   = 2 * time.Second
	// missingTopicGrace is how long a topic may be missing before its rows are set aside. It is longer than a broker takes
	// to start.
	missingTopicGrace = 30 * time.Second
	// maxHolds limits the memory for holds, to about 20 MB. Beyond it the relay reads no new rows of destinations with holds.
	maxHolds = 50_000
	// maxTries is the number of tries beyond which they are no longer counted. The method due takes the least tried holds first.
	maxTries = 8
)

// hold is a queue whose first row could not be published. The relay looks that row up by its identity when it tries again, so rows on
// hold are never in the way of other rows.
type hold struct {
	first   identity
	tries   int
	triedAt time.Time
	hasMore bool // the table holds later rows of the queue
}

// flight is a queue with publishes that were not answered when their turn ended.
type flight struct {
	rows    int   // without an answer
	first   int64 // the lowest row_id of them
	hasMore bool
}

// trouble is the state of a destination with queues on hold. They share one back-off.
type trouble struct {
	since        time.Time // when the first of them failed
	queuesOnHold int
	delay        time.Duration
	retryAt      time.Time
	missingSince time.Time // zero unless the broker says that the topic does not exist
}

// holds are the holds and flights of one relay, used by its goroutine alone.
type holds struct {
	queues   map[queue]*hold
	flights  map[queue]*flight
	troubles map[destination]*trouble
	// rescanFrom is the lowest row_id that the relay has to read again, because it left the row out or looks for released rows. 0: none.
	rescanFrom int64
}

func newHolds() *holds {
	return &holds{queues: map[queue]*hold{}, flights: map[queue]*flight{}, troubles: map[destination]*trouble{}}
}

func (h *holds) isEmpty() bool { return len(h.queues)+len(h.flights) == 0 }

// leaveOut reports whether the relay must leave a row out of this turn, because the row's queue is on hold or in flight. It also notes
// that the queue has more rows, so that they are read again when the hold or the flight ends.
func (h *holds) leaveOut(r row) bool {
	q := r.queue()
	held, flying := h.queues[q], h.flights[q]
	if held != nil && held.first != r.identity() {
		held.hasMore = true
	}
	if flying != nil {
		flying.hasMore = true
	}
	return held != nil || flying != nil
}

// putOnHold puts the row's queue on hold, or counts one more try of its hold. It reports whether the queue is the first on hold of its
// destination.
func (h *holds) putOnHold(r row, now time.Time) (isFirst bool) {
	q := r.queue()
	held := h.queues[q]
	if held == nil {
		held = &hold{first: r.identity()}
		h.queues[q] = held
		isFirst = h.troubleOf(r.to, now).queuesOnHold == 0
		h.troubles[r.to].queuesOnHold++
	}
	held.tries, held.triedAt = min(held.tries+1, maxTries), now
	return isFirst
}

// troubleOf returns the trouble of a destination. If it has none, a trouble begins now.
func (h *holds) troubleOf(to destination, now time.Time) *trouble {
	t := h.troubles[to]
	if t == nil {
		t = &trouble{since: now, delay: firstDelay, retryAt: now.Add(firstDelay)}
		h.troubles[to] = t
	}
	return t
}

// release ends the hold of a queue, if there is one. It reports for how long the queue's destination has been in trouble, and whether
// this was the destination's last queue on hold.
func (h *holds) release(q queue, now time.Time) (lasted time.Duration, wasLast bool) {
	held := h.queues[q]
	if held == nil {
		return 0, false
	}
	delete(h.queues, q)
	if held.hasMore {
		h.rescan(held.first.id)
	}
	t := h.troubles[q.to]
	t.queuesOnHold--
	return now.Sub(t.since), t.queuesOnHold == 0
}

// rescan makes the relay read again from a row_id on.
func (h *holds) rescan(id int64) {
	if h.rescanFrom == 0 || id < h.rescanFrom {
		h.rescanFrom = id
	}
}

// takeOff puts the row's publish in flight: its turn has ended without an answer.
func (h *holds) takeOff(r row) {
	flying := h.flights[r.queue()]
	if flying == nil {
		flying = &flight{first: r.id}
		h.flights[r.queue()] = flying
	}
	flying.rows++
	flying.first = min(flying.first, r.id)
}

// land records the late answer to a publish in flight.
func (h *holds) land(r row) {
	flying := h.flights[r.queue()]
	if flying == nil {
		return
	}
	if flying.rows--; flying.rows > 0 {
		return
	}
	delete(h.flights, r.queue())
	if held := h.queues[r.queue()]; held != nil {
		held.hasMore = held.hasMore || flying.hasMore
	} else if flying.hasMore {
		h.rescan(flying.first)
	}
}

// due returns the queues whose first row is to be tried again now, the least tried first, at most pageRows. If all of them are in flight,
// it returns none and sets a later time for the next try.
func (h *holds) due(now time.Time) []queue {
	if next := h.nextRetry(); next.IsZero() || next.After(now) {
		return nil
	}
	var due []queue
	for q := range h.queues {
		if h.flights[q] == nil && !h.troubles[q.to].retryAt.After(now) {
			due = append(due, q)
		}
	}
	if len(due) == 0 { // every queue that could be due is in flight
		for _, t := range h.troubles {
			t.retryAt = later(t.retryAt, now.Add(firstDelay))
		}
	}
	slices.SortFunc(due, func(a, b queue) int {
		x, y := h.queues[a], h.queues[b]
		return cmp.Or(cmp.Compare(x.tries, y.tries), x.triedAt.Compare(y.triedAt), cmp.Compare(x.first.id, y.first.id))
	})
	return due[:min(len(due), pageRows)]
}

// nextRetry returns the earliest time at which a queue is due; zero if none is on hold.
func (h *holds) nextRetry() (at time.Time) {
	for _, t := range h.troubles {
		if t.queuesOnHold > 0 && (at.IsZero() || t.retryAt.Before(at)) {
			at = t.retryAt
		}
	}
	return at
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// backOff delays the next retry of a destination that accepted none of the rows tried again, or did not answer.
func (h *holds) backOff(to destination, now time.Time) {
	t := h.troubleOf(to, now)
	t.delay = min(2*t.delay, maxDelay)
	t.retryAt = now.Add(t.delay)
}

// resume makes the next retry of a destination due now, because one of its queues is no longer on hold.
func (h *holds) resume(to destination, now time.Time) {
	if t := h.troubles[to]; t != nil {
		t.delay, t.retryAt = firstDelay, now
	}
}

// fullDestinations returns the destinations whose rows the relay does not read, because too many queues are on hold or in flight.
func (h *holds) fullDestinations() []string {
	names := []string{}
	if len(h.queues)+len(h.flights) >= maxHolds {
		for to := range h.troubles {
			names = append(names, to.String())
		}
	}
	return names
}

// noteMissing records that a topic does not exist, and reports whether that has lasted for missingTopicGrace.
func (h *holds) noteMissing(to destination, now time.Time) (tooLong bool) {
	t := h.troubleOf(to, now)
	if t.missingSince.IsZero() {
		t.missingSince = now
	}
	return now.Sub(t.missingSince) >= missingTopicGrace
}

// clearMissing ends the grace of a missing topic: the topic exists, or the broker cannot tell.
func (h *holds) clearMissing(to destination) {
	if t := h.troubles[to]; t != nil {
		t.missingSince = time.Time{}
	}
}

// tidy forgets destinations that have no queue on hold and none in flight, so a topic that goes missing again gets a new grace. It runs
// between two turns.
func (h *holds) tidy() {
	if len(h.troubles) == 0 {
		return
	}
	flying := map[destination]bool{}
	for q := range h.flights {
		flying[q.to] = true
	}
	maps.DeleteFunc(h.troubles, func(to destination, t *trouble) bool { return t.queuesOnHold == 0 && !flying[to] })
}

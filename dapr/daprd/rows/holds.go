package rows

import (
	"maps"
	"time"
)

const (
	firstDelay = 100 * time.Millisecond
	maxDelay   = 2 * time.Second
	// missingTopicGrace is how long a topic may be missing before its rows are set aside. It is longer than a broker takes
	// to start.
	missingTopicGrace = 30 * time.Second
)

// hold is the back-off of one destination or one queue after a failed publish. Each has its own, so that what cannot be
// published does not hold up the rest.
type hold struct {
	delay        time.Duration
	since, until time.Time
}

// holds are the holds of one relay, used by its goroutine alone. A hold that was set or renewed during a pass lasts until
// the end of that pass, however long the pass takes: otherwise a later row could overtake the row that failed.
type holds struct {
	passBegan    time.Time // a hold that ended before this time is not active; zero: every hold is active
	destinations map[destination]*hold
	queues       map[queue]*hold
	missingSince map[destination]time.Time
}

func newHolds() *holds {
	return &holds{destinations: map[destination]*hold{}, queues: map[queue]*hold{}, missingSince: map[destination]time.Time{}}
}

func (h *holds) isHeld(q queue) bool {
	return h.isActive(h.destinations[q.to]) || h.isActive(h.queues[q])
}

func (h *holds) isActive(held *hold) bool { return held != nil && held.until.After(h.passBegan) }

// heldDestinations returns the destinations whose rows the next page leaves out.
func (h *holds) heldDestinations() []string {
	names := []string{}
	for to, held := range h.destinations {
		if h.isActive(held) {
			names = append(names, to.String())
		}
	}
	return names
}

// hasHeldQueue reports whether the rows of some queue stay in the table during this pass.
func (h *holds) hasHeldQueue() bool {
	for _, held := range h.queues {
		if h.isActive(held) {
			return true
		}
	}
	return false
}

// holdDestination reports whether the destination was not held before.
func (h *holds) holdDestination(to destination, now time.Time) (isNew bool) {
	return setHold(h.destinations, to, now)
}

func (h *holds) holdQueue(q queue, now time.Time) { setHold(h.queues, q, now) }

// setHold starts a hold, or renews it with twice the delay.
func setHold[K comparable](held map[K]*hold, key K, now time.Time) (isNew bool) {
	h := held[key]
	if h == nil {
		h, isNew = &hold{since: now, delay: firstDelay / 2}, true
		held[key] = h
	}
	h.delay = min(2*h.delay, maxDelay)
	h.until = now.Add(h.delay)
	return isNew
}

func (h *holds) releaseQueue(q queue) { delete(h.queues, q) }

// releaseDestination ends the hold of a destination that accepted an event, and returns for how long it accepted none.
func (h *holds) releaseDestination(to destination, now time.Time) (away time.Duration, wasHeld bool) {
	delete(h.missingSince, to)
	held := h.destinations[to]
	if held == nil {
		return 0, false
	}
	delete(h.destinations, to)
	return now.Sub(held.since), true
}

// noteMissing records that a topic does not exist, and reports whether that has lasted for missingTopicGrace.
func (h *holds) noteMissing(to destination, now time.Time) (tooLong bool) {
	since, seen := h.missingSince[to]
	if !seen {
		h.missingSince[to] = now
		return false
	}
	return now.Sub(since) >= missingTopicGrace
}

func (h *holds) clearMissing(to destination) { delete(h.missingSince, to) }

// dropExpired removes, after a pass through the whole table, the holds that expired before the pass. Their rows were
// tried in the pass: they are published, or no longer in the table.
func (h *holds) dropExpired() {
	maps.DeleteFunc(h.destinations, func(_ destination, held *hold) bool { return !h.isActive(held) })
	maps.DeleteFunc(h.queues, func(_ queue, held *hold) bool { return !h.isActive(held) })
}

func (h *holds) isEmpty() bool { return len(h.destinations)+len(h.queues) == 0 }

// nextExpiry returns the earliest time at which a hold expires.
func (h *holds) nextExpiry() (at time.Time) {
	for _, held := range h.destinations {
		at = earlier(at, held.until)
	}
	for _, held := range h.queues {
		at = earlier(at, held.until)
	}
	return at
}

// earlier returns the earlier of two times; a zero at does not count.
func earlier(at, other time.Time) time.Time {
	if at.IsZero() || other.Before(at) {
		return other
	}
	return at
}

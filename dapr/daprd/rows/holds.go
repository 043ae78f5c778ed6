package rows

import (
	"maps"
	"time"
)

const (
	firstHold = 100 * time.Millisecond
	longHold  = 2 * time.Second
	// patience is how long a topic may be missing before its rows are set aside: longer than a broker takes to start.
	patience = 30 * time.Second
)

// hold keeps back one destination, or one line of it, after a publish failed: each with a back-off of its own, so that
// what cannot be published does not hold up what can.
type hold struct {
	delay        time.Duration
	since, until time.Time
}

// holds belongs to one relay, and to its goroutine. A hold that was set or renewed in a pass lasts to the end of that
// pass, however long it takes: otherwise a later row could go before the one that failed.
type holds struct {
	passBegan    time.Time // holds that ended before it do not count; zero: all of them count
	destinations map[destination]*hold
	lines        map[line]*hold
	missing      map[destination]time.Time
}

func newHolds() *holds {
	return &holds{destinations: map[destination]*hold{}, lines: map[line]*hold{}, missing: map[destination]time.Time{}}
}

func (h *holds) isHeld(l line) bool {
	return h.counts(h.destinations[l.to]) || h.counts(h.lines[l])
}

func (h *holds) counts(held *hold) bool { return held != nil && held.until.After(h.passBegan) }

// heldDestinations is what SQL passes over.
func (h *holds) heldDestinations() []string {
	names := []string{}
	for to, held := range h.destinations {
		if h.counts(held) {
			names = append(names, to.String())
		}
	}
	return names
}

// anyLine reports whether rows of a line stay where they are in this pass.
func (h *holds) anyLine() bool {
	for _, held := range h.lines {
		if h.counts(held) {
			return true
		}
	}
	return false
}

// keepDestination reports whether it was not held before.
func (h *holds) keepDestination(to destination, now time.Time) (isNew bool) {
	return keep(h.destinations, to, now)
}

func (h *holds) keepLine(l line, now time.Time) { keep(h.lines, l, now) }

func keep[K comparable](held map[K]*hold, key K, now time.Time) (isNew bool) {
	h := held[key]
	if h == nil {
		h, isNew = &hold{since: now, delay: firstHold / 2}, true
		held[key] = h
	}
	h.delay = min(2*h.delay, longHold)
	h.until = now.Add(h.delay)
	return isNew
}

func (h *holds) releaseLine(l line) { delete(h.lines, l) }

// release notes that a destination took an event, and returns for how long it had not.
func (h *holds) release(to destination, now time.Time) (away time.Duration, wasHeld bool) {
	delete(h.missing, to)
	held := h.destinations[to]
	if held == nil {
		return 0, false
	}
	delete(h.destinations, to)
	return now.Sub(held.since), true
}

// isMissing notes that a topic is not there, and reports whether that has lasted too long to be a broker starting.
func (h *holds) isMissing(to destination, now time.Time) bool {
	since, seen := h.missing[to]
	if !seen {
		h.missing[to] = now
		return false
	}
	return now.Sub(since) >= patience
}

func (h *holds) notMissing(to destination) { delete(h.missing, to) }

// tidy ends, after a pass through the whole table, the holds that had run out before it: what they held was tried, and
// was published then, or is no longer there.
func (h *holds) tidy() {
	maps.DeleteFunc(h.destinations, func(_ destination, held *hold) bool { return !h.counts(held) })
	maps.DeleteFunc(h.lines, func(_ line, held *hold) bool { return !h.counts(held) })
}

func (h *holds) any() bool { return len(h.destinations)+len(h.lines) > 0 }

// next is the first moment at which something held may be tried again.
func (h *holds) next() (at time.Time) {
	for _, held := range h.destinations {
		at = earlier(at, held.until)
	}
	for _, held := range h.lines {
		at = earlier(at, held.until)
	}
	return at
}

func earlier(at, other time.Time) time.Time {
	if at.IsZero() || other.Before(at) {
		return other
	}
	return at
}

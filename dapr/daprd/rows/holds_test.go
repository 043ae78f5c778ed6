package rows

import (
	"testing"
	"time"
)

var (
	began  = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	queueA = queue{to: orders, subject: "a"}
)

func TestHoldLastsUntilTheEndOfItsPass(t *testing.T) {
	h := newHolds()
	h.passBegan = began
	h.holdQueue(queueA, began.Add(time.Second))
	if !h.isHeld(queueA) {
		t.Error("the queue is not held in the pass in which its row failed, want held to the end of the pass")
	}
	if h.passBegan = h.nextExpiry(); h.isHeld(queueA) {
		t.Error("the queue is held in a pass that begins when its hold expires, want released")
	}
	if h.passBegan = (time.Time{}); !h.isHeld(queueA) {
		t.Error("the queue is not held in a pass that begins behind the head, want held")
	}
}

func TestHoldDelayDoublesUpToALimit(t *testing.T) {
	h := newHolds()
	now := began
	if !h.holdDestination(orders, now) || h.holdDestination(orders, now) {
		t.Error("holdDestination must report a new hold for the first failure only")
	}
	for range 20 {
		h.holdDestination(orders, now)
	}
	if delay := h.nextExpiry().Sub(now); delay != maxDelay {
		t.Errorf("after many failures: got a delay of %s, want %s", delay, maxDelay)
	}
	if away, held := h.releaseDestination(orders, now.Add(time.Minute)); !held || away != time.Minute {
		t.Errorf("released: got %v after %s, want true after 1m0s", held, away)
	}
	h.holdDestination(orders, now)
	if delay := h.nextExpiry().Sub(now); delay != firstDelay {
		t.Errorf("first failure after a success: got a delay of %s, want %s", delay, firstDelay)
	}
}

// A row that a person deleted while it was held must not keep the relay looking for it.
func TestExpiredHoldsAreDropped(t *testing.T) {
	h := newHolds()
	h.holdQueue(queueA, began)
	h.holdDestination(orders, began)
	h.passBegan = began.Add(maxDelay)
	h.holdQueue(queue{to: orders, subject: "failed in this pass"}, h.passBegan)
	h.dropExpired()
	if len(h.destinations) != 0 || len(h.queues) != 1 {
		t.Errorf("got %d destinations %v and %d queues %v on hold, want 0 and 1", len(h.destinations), h.destinations, len(h.queues), h.queues)
	}
}

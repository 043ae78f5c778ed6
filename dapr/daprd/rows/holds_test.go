package rows

import (
	"fmt"
	"testing"
	"time"
)

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestRetriesOfADestinationBackOffUpToALimit(t *testing.T) {
	h := newHolds()
	a := pageOf("a1")[0]
	if !h.putOnHold(a, began) || h.putOnHold(a, began) {
		t.Error("putOnHold must report the first hold of a destination only")
	}
	if next := h.nextRetry(); !next.Equal(began.Add(firstDelay)) {
		t.Errorf("first retry: got %s, want %s", next, began.Add(firstDelay))
	}
	for range 20 {
		h.backOff(orders, began)
	}
	if delay := h.nextRetry().Sub(began); delay != maxDelay {
		t.Errorf("after many failures: got a delay of %s, want %s", delay, maxDelay)
	}
	h.resume(orders, began)
	if due := h.due(began); len(due) != 1 {
		t.Errorf("due after a success: got %v, want a's queue", due)
	}
	if lasted, wasLast := h.release(a.queue(), began.Add(time.Minute)); !wasLast || lasted != time.Minute {
		t.Errorf("released: got %v after %s, want true after 1m0s", wasLast, lasted)
	}
	if h.tidy(); len(h.troubles) > 0 || !h.nextRetry().IsZero() {
		t.Errorf("troubles without a queue on hold: got %v, want none", h.troubles)
	}
}

// A row that failed for the first time is tried again before rows that have failed many times, no matter how many of them there are.
func TestLeastTriedHoldIsRetriedFirst(t *testing.T) {
	h := newHolds()
	for i := range 3 * pageRows {
		r := row{id: int64(i), key: fmt.Sprint(i), to: orders}
		h.putOnHold(r, began)
		h.putOnHold(r, began)
	}
	young := pageOf("a1")[0]
	h.putOnHold(young, began.Add(time.Second))
	due := h.due(began.Add(maxDelay))
	if len(due) != pageRows || due[0] != young.queue() {
		t.Errorf("got %d queues due, the first is %v; want %d and a's", len(due), due[0], pageRows)
	}
	for _, q := range due[1:] {
		h.putOnHold(row{id: 1, key: q.key, to: orders}, began.Add(maxDelay))
	}
	h.release(young.queue(), began)
	if next := h.due(began.Add(maxDelay)); next[0].key != fmt.Sprint(pageRows-1) {
		t.Errorf("next page: got row %s first, want %d, which waits longest", next[0].key, pageRows-1)
	}
}

// Later rows of a queue on hold are left out, so the relay reads them again after the queue's release. If there are none, it reads
// nothing again.
func TestReleaseReadsLaterRowsAgain(t *testing.T) {
	page := pageOf("-0", "a1", "a2")
	for want, read := range map[int64][]row{0: page[1:2], 2: page[1:3]} {
		h := newHolds()
		h.putOnHold(page[1], began)
		for _, row := range read {
			if !h.leaveOut(row) {
				t.Errorf("row %s of a queue on hold is not left out", row.key)
			}
		}
		if h.release(page[1].queue(), began); h.rescanFrom != want {
			t.Errorf("after a look at %d rows: got rows to read again from %d, want %d", len(read), h.rescanFrom, want)
		}
	}
}

func TestTooManyHoldsLeaveOutTheirDestinations(t *testing.T) {
	h := newHolds()
	other := destination{pubsub: "pubsub", topic: "other"}
	for i := range maxHolds {
		if names := h.fullDestinations(); len(names) > 0 {
			t.Fatalf("left out after %d holds: got %v, want none", i, names)
		}
		h.putOnHold(row{id: int64(i), key: fmt.Sprint(i), to: orders}, began)
	}
	if names := h.fullDestinations(); len(names) != 1 || names[0] != orders.String() {
		t.Errorf("left out after %d holds: got %v, want %s and not %s", maxHolds, names, orders, other)
	}
}

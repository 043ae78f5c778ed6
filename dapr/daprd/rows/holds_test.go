package rows

import (
	"testing"
	"time"
)

var (
	began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	lineA = line{to: orders, subject: "a"}
)

func TestAHoldLastsToTheEndOfItsPass(t *testing.T) {
	h := newHolds()
	h.passBegan = began
	h.keepLine(lineA, began.Add(time.Second))
	// However much later the pass comes to another row of the line, it is held; in the next pass it is not.
	if !h.isHeld(lineA) {
		t.Error("the line is open again in the pass in which it failed")
	}
	if h.passBegan = h.next(); h.isHeld(lineA) {
		t.Error("the line is still held when its time has come")
	}
	if h.passBegan = (time.Time{}); !h.isHeld(lineA) {
		t.Error("a pass that is no full one takes up a line that is held")
	}
}

func TestHoldsGrowToALimit(t *testing.T) {
	h := newHolds()
	now := began
	if !h.keepDestination(orders, now) || h.keepDestination(orders, now) {
		t.Error("only the first failure is news")
	}
	for range 20 {
		h.keepDestination(orders, now)
	}
	if pause := h.next().Sub(now); pause != longHold {
		t.Errorf("after many failures the pause is %s, want %s", pause, longHold)
	}
	if away, held := h.release(orders, now.Add(time.Minute)); !held || away != time.Minute {
		t.Errorf("released after %s, %v", away, held)
	}
	h.keepDestination(orders, now)
	if pause := h.next().Sub(now); pause != firstHold {
		t.Errorf("after a success the first pause is %s, want %s", pause, firstHold)
	}
}

// A row that a person deleted while it was held must not keep the relay looking for it.
func TestWhatIsGoneIsNotHeld(t *testing.T) {
	h := newHolds()
	h.keepLine(lineA, began)
	h.keepDestination(orders, began)
	h.passBegan = began.Add(longHold)
	h.keepLine(line{to: orders, subject: "failed in this pass"}, h.passBegan)
	h.tidy()
	if len(h.destinations) != 0 || len(h.lines) != 1 {
		t.Errorf("held: %v, %v", h.destinations, h.lines)
	}
}

package scenario

import (
	"context"
	"testing"
	"time"

	"comanda/tests/client"
)

// Stream is a live stream of one order's changes, being read.
type Stream struct {
	// Within is how soon the next change has to come: LiveTimeout, unless it is set otherwise.
	Within time.Duration

	t       testing.TB
	changes chan client.Change
	failed  chan error
	seen    []client.Change
}

// Watch opens the stream; it closes with the test.
func Watch(t testing.TB, by User, orderID, after string) *Stream {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	w := &Stream{Within: LiveTimeout, t: t, changes: make(chan client.Change, 100), failed: make(chan error, 1)}
	go func() {
		defer close(w.changes)
		for change, err := range by.Watch(ctx, orderID, after) {
			if err != nil {
				w.failed <- err
				return
			}
			w.changes <- change
		}
	}()
	return w
}

// Next is the next change; ok is false when the stream has ended.
func (w *Stream) Next() (change client.Change, ok bool) {
	w.t.Helper()
	select {
	case change, ok = <-w.changes:
		if !ok {
			select {
			case err := <-w.failed:
				w.t.Fatalf("the stream broke: %v", err)
			default:
			}
			return change, false
		}
	case <-time.After(w.Within):
		w.t.Fatalf("no change for %v; seen so far %+v", w.Within, w.seen)
	}
	if n := len(w.seen); n > 0 && change.Version <= w.seen[n-1].Version {
		w.t.Errorf("version %d (%s) came after %d (%s)", change.Version, change.Status, w.seen[n-1].Version, w.seen[n-1].Status)
	}
	w.seen = append(w.seen, change)
	return change, true
}

// Want wants the next change to be to this status. Where the stream begins, it may first tell that it is PENDING: the
// status as it was when the stream opened.
func (w *Stream) Want(status string) client.Change {
	w.t.Helper()
	change, ok := w.Next()
	if ok && change.Status == client.Pending && status != client.Pending && len(w.seen) == 1 {
		change, ok = w.Next()
	}
	if !ok || change.Status != status {
		w.t.Fatalf("the next change is %+v, want %s", change, status)
	}
	if change.At.IsZero() || change.OrderID == "" || change.EventID == "" {
		w.t.Errorf("a change without time, order or id: %+v", change)
	}
	return change
}

// WantEnd wants the server to end the stream.
func (w *Stream) WantEnd() {
	w.t.Helper()
	if change, ok := w.Next(); ok {
		w.t.Fatalf("after the final status came %+v", change)
	}
}

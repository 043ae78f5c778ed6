package scenario

import (
	"context"
	"testing"
	"time"

	"comanda/tests/client"
)

// Stream reads the live stream of one order's changes.
type Stream struct {
	// Within limits the wait for the next change. Watch sets it to LiveTimeout.
	Within time.Duration

	t       testing.TB
	changes chan client.Change
	failed  chan error
	seen    []client.Change
}

// Watch opens the stream and closes it when the test ends.
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

// Next waits for the next change; ok is false when the stream has ended.
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
		w.t.Fatalf("got no change within %v; changes so far: %+v", w.Within, w.seen)
	}
	if n := len(w.seen); n > 0 && change.Version <= w.seen[n-1].Version {
		w.t.Errorf("version %d (%s) arrived after version %d (%s)", change.Version, change.Status, w.seen[n-1].Version, w.seen[n-1].Status)
	}
	w.seen = append(w.seen, change)
	return change, true
}

// Want waits for the next change and checks its status. A stream starts with the current status, so Want skips one PENDING
// at the start.
func (w *Stream) Want(status string) client.Change {
	w.t.Helper()
	change, ok := w.Next()
	if ok && change.Status == client.Pending && status != client.Pending && len(w.seen) == 1 {
		change, ok = w.Next()
	}
	if !ok || change.Status != status {
		w.t.Fatalf("the next change: got %+v, want %s", change, status)
	}
	if change.At.IsZero() || change.OrderID == "" || change.EventID == "" {
		w.t.Errorf("the change lacks its time, order id or event id: %+v", change)
	}
	return change
}

// WantEnd waits for the server to end the stream.
func (w *Stream) WantEnd() {
	w.t.Helper()
	if change, ok := w.Next(); ok {
		w.t.Fatalf("got %+v after the final status, want the end of the stream", change)
	}
}

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

// Watch opens the stream of an order as by sees it: from the current status, or after the change whose EventID is after. A cleanup closes
// the stream: t.Context ends before the first cleanup, so Watch does not use it.
func Watch(t testing.TB, by User, orderID, after string) *Stream {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	t.Cleanup(cancel)
	s := &Stream{Within: LiveTimeout, t: t, changes: make(chan client.Change, 100), failed: make(chan error, 1)}
	go func() {
		defer close(s.changes)
		for change, err := range by.Watch(ctx, orderID, after) {
			if err != nil {
				s.failed <- err
				return
			}
			s.changes <- change
		}
	}()
	return s
}

// Next waits for the next change; ok is false when the stream has ended.
func (s *Stream) Next() (change client.Change, ok bool) {
	s.t.Helper()
	select {
	case change, ok = <-s.changes:
		if !ok {
			select {
			case err := <-s.failed:
				s.t.Fatalf("the stream broke: %v", err)
			default:
			}
			return change, false
		}
	case <-time.After(s.Within):
		s.t.Fatalf("got no change within %v; changes so far: %+v", s.Within, s.seen)
	}
	if n := len(s.seen); n > 0 && change.Version <= s.seen[n-1].Version {
		before := s.seen[n-1]
		s.t.Errorf("got version %d (%s) after version %d (%s)", change.Version, change.Status, before.Version, before.Status)
	}
	s.seen = append(s.seen, change)
	return change, true
}

// Want waits for the next change and checks its status. A stream starts with the current status, so Want skips one PENDING
// at the start.
func (s *Stream) Want(status string) client.Change {
	s.t.Helper()
	change, ok := s.Next()
	if ok && change.Status == client.Pending && status != client.Pending && len(s.seen) == 1 {
		change, ok = s.Next()
	}
	if !ok || change.Status != status {
		s.t.Fatalf("the next change: got %+v, want %s", change, status)
	}
	if change.At.IsZero() || change.OrderID == "" || change.EventID == "" {
		s.t.Errorf("the change lacks its time, order id or event id: %+v", change)
	}
	return change
}

// WantEnd waits for the server to end the stream.
func (s *Stream) WantEnd() {
	s.t.Helper()
	if change, ok := s.Next(); ok {
		s.t.Fatalf("got %+v after the final status, want the end of the stream", change)
	}
}

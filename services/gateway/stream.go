package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

const (
	// heartbeat is the interval of comments on an idle stream.
	heartbeat = 15 * time.Second
	// historyRetry is the pause before the stream reads the history again when it knows that a change is missing.
	historyRetry = time.Second
	// writeTimeout limits one write to a client that does not read.
	writeTimeout = 5 * time.Second
	// reconnectDelay is the retry time sent to clients when the gateway stops.
	reconnectDelay = time.Second
)

// stream sends one client the changes of one order: each once, in order and without gaps. Events are delivered at least once
// and in any order, and one can be lost. So an event only signals that there is something new: when its version does not follow
// the last one sent, the stream reads the missing changes from the order's history. It also does so when the service order reports a later
// version (runVersionChecks), so no stream polls by itself.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	watcher *watcher
	fetch   func(context.Context) ([]statusChange, error) // reads the order's history
	changes []statusChange                                // the history when the stream was created; run first sends the part after lastSent

	lastSent     int // version of the last change sent
	lastReceived int // highest version received in an event, or from the service order
	final        bool
}

// newStream returns a stream that begins after the version in after, or with the latest change when after is nil. changes is the
// history that fetch has just returned, at least one change.
func newStream(
	w http.ResponseWriter, watcher *watcher, fetch func(context.Context) ([]statusChange, error), changes []statusChange, after *int,
) *stream {
	latest := changes[len(changes)-1]
	s := &stream{w: w, control: http.NewResponseController(w), watcher: watcher, fetch: fetch, changes: changes,
		lastSent: latest.Version - 1}
	if after != nil {
		s.lastSent = min(*after, latest.Version) // a version beyond the latest would suppress the changes up to it
	}
	s.final = s.lastSent == latest.Version && latest.Status.Final()
	return s
}

// run sends the changes so far and then each new one. It returns after a final status, when ctx ends (the client has disconnected, or its
// token has expired), when the client does not read fast enough, or when the gateway stops.
func (s *stream) run(ctx context.Context, stopping <-chan struct{}) {
	s.writeHeader()
	if s.sendMissing(s.changes) != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	err := s.flush() // sends the header, also when there was no change to send
	for err == nil && !s.final {
		var again <-chan time.Time
		if s.lastReceived > s.lastSent {
			again = time.After(historyRetry)
		}
		select {
		case received := <-s.watcher.changes:
			err = s.handleEvent(ctx, received)
		case <-again:
			err = s.catchUp(ctx)
		case version := <-s.watcher.versions:
			// no read yet: the event may be on its way. If it does not come within historyRetry, the loop reads the history.
			s.lastReceived = max(s.lastReceived, version)
		case <-beat.C:
			err = s.write(": still here\n\n")
		case <-s.watcher.lost: // the client reconnects with Last-Event-ID
			return
		case <-stopping:
			_ = s.write(fmt.Sprintf("retry: %d\n\n", reconnectDelay.Milliseconds()))
			return
		case <-ctx.Done():
			return
		}
	}
}

// writeHeader sends the response header of a stream.
func (s *stream) writeHeader() {
	header := s.w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would buffer the events
	s.w.WriteHeader(http.StatusOK)
}

// handleEvent sends the change when it is the next version, and ignores a version that was sent. Otherwise it reads the history.
func (s *stream) handleEvent(ctx context.Context, received event.OrderStatus) error {
	s.lastReceived = max(s.lastReceived, received.Version)
	if received.Version == s.lastSent+1 {
		return s.sendChange(statusChange{received.OrderID, received.Status, received.Version, received.Reason, received.At})
	}
	if received.Version <= s.lastSent {
		return nil
	}
	return s.catchUp(ctx)
}

// catchUp sends the changes in the history that were not sent yet. When the service order does not answer, or answers that it cannot serve
// the request now, it sends nothing, and run calls it again after historyRetry. Any other refusal ends the stream: the client may no longer
// see the order.
func (s *stream) catchUp(ctx context.Context) error {
	changes, err := s.fetch(ctx)
	var refused orderRefusal
	if fault.Is(err, fault.KindUnavailable) || errors.As(err, &refused) && refused.response.isTemporary() {
		return nil
	}
	if err != nil {
		return err
	}
	return s.sendMissing(changes)
}

// sendMissing sends the changes that were not sent yet.
func (s *stream) sendMissing(changes []statusChange) error {
	for _, c := range changes {
		if c.Version <= s.lastSent {
			continue
		}
		if err := s.sendChange(c); err != nil {
			return err
		}
	}
	return nil
}

// sendChange sends c and records it as the last change sent.
func (s *stream) sendChange(c statusChange) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	s.lastSent, s.final = c.Version, c.Status.Final()
	return s.write(fmt.Sprintf("event: status\nid: %d\ndata: %s\n\n", c.Version, data))
}

// write sends text immediately. It fails after writeTimeout when the client does not read.
func (s *stream) write(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.flush()
}

// flush sends what is buffered, if the writer supports that.
func (s *stream) flush() error {
	if err := s.control.Flush(); !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

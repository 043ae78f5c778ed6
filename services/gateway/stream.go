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

// The times of a stream: how often it shows that it lives, and looks whether an event was lost; how soon it looks again
// when it knows that one is missing; how long a client may take to read; and when one that was cut off shall come back.
const (
	heartbeat      = 15 * time.Second
	historyRetry   = time.Second
	writeTimeout   = 5 * time.Second
	reconnectDelay = time.Second
)

// stream shows one client the changes of one order, each once, in order and without gaps. Events come at least once, in no
// order, and now and then not at all; they say only that there is something new. When one does not follow what was shown
// last, the history says what lies between.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	watcher *watcher
	history func(context.Context) ([]statusChange, error)

	lastSent  int // version of the last change shown
	lastHeard int // version of the last change heard of
	final     bool
}

// newStream prepares a stream that begins after the version after, or at the present when that is nil.
func newStream(w http.ResponseWriter, watcher *watcher, history func(context.Context) ([]statusChange, error), past []statusChange, after *int) *stream {
	latest := past[len(past)-1]
	s := &stream{w: w, control: http.NewResponseController(w), watcher: watcher, history: history, lastSent: latest.Version - 1}
	if after != nil {
		s.lastSent = min(*after, latest.Version) // an id from the future would hide what comes before it
	}
	s.final = s.lastSent == latest.Version && latest.Status.Final()
	return s
}

// run shows past and then what comes, until a final status, the end of ctx (the client is gone, or its token has expired),
// or stopping.
func (s *stream) run(ctx context.Context, stopping <-chan struct{}, past []statusChange) {
	header := s.w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would hold the events back
	s.w.WriteHeader(http.StatusOK)
	if s.sendAll(past) != nil {
		return
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	// A gateway that has only just started may not have joined its consumer group yet, and hears nothing of the first
	// changes. So a young stream looks by itself: after one second, three and seven.
	pause := historyRetry
	young := time.NewTimer(pause)
	defer young.Stop()
	for err := s.flush(); err == nil && !s.final; {
		var again <-chan time.Time
		if s.lastHeard > s.lastSent {
			again = time.After(historyRetry)
		}
		select {
		case heard := <-s.watcher.changes:
			err = s.handleEvent(ctx, heard)
		case <-again:
			err = s.catchUp(ctx)
		case <-young.C:
			err = s.catchUp(ctx)
			if pause *= 2; pause < heartbeat/2 {
				young.Reset(pause)
			}
		case <-beat.C:
			if err = s.write(": still here\n\n"); err == nil {
				err = s.catchUp(ctx)
			}
		case <-s.watcher.lost: // it comes back with Last-Event-ID
			return
		case <-stopping:
			_ = s.write(fmt.Sprintf("retry: %d\n\n", reconnectDelay.Milliseconds()))
			return
		case <-ctx.Done():
			return
		}
	}
}

// hear takes in one event: shows it when it is the next, ignores it when it is known, and asks the history otherwise.
func (s *stream) handleEvent(ctx context.Context, heard event.OrderStatus) error {
	s.lastHeard = max(s.lastHeard, heard.Version)
	if heard.Version == s.lastSent+1 {
		return s.sendChange(statusChange{heard.OrderID, heard.Status, heard.Version, heard.Reason, heard.At})
	}
	if heard.Version <= s.lastSent {
		return nil
	}
	return s.catchUp(ctx)
}

// catchUp shows what the history has beyond what was shown. When order does not answer, that waits; when it refuses, the
// order is no longer the client's to watch.
func (s *stream) catchUp(ctx context.Context) error {
	past, err := s.history(ctx)
	if errors.As(err, new(refusal)) {
		return err
	}
	if fault.Is(err, fault.KindUnavailable) {
		return nil
	}
	if err != nil {
		return err
	}
	return s.sendAll(past)
}

func (s *stream) sendAll(past []statusChange) error {
	for _, c := range past {
		if c.Version <= s.lastSent {
			continue
		}
		if err := s.sendChange(c); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) sendChange(c statusChange) error {
	data, err := json.Marshal(c)
	if err != nil {
		return err
	}
	s.lastSent, s.final = c.Version, c.Status.Final()
	return s.write(fmt.Sprintf("event: status\nid: %d\ndata: %s\n\n", c.Version, data))
}

// write sends text at once, and gives up on a client that does not read.
func (s *stream) write(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.flush()
}

func (s *stream) flush() error {
	if err := s.control.Flush(); !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

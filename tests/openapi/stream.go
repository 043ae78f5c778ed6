package openapi

import (
	"bytes"
	"fmt"
	"io"
)

// eventStream is the media type of server-sent events.
const eventStream = "text/event-stream"

// eventChecker passes a stream of server-sent events on, and compares each event with the document.
type eventChecker struct {
	checker *Checker
	body    io.ReadCloser
	pending []byte // the start of an event
	err     error
}

// Read implements io.Reader. It fails after an event that violates the document.
func (e *eventChecker) Read(p []byte) (int, error) {
	if e.err != nil {
		return 0, e.err
	}
	n, err := e.body.Read(p)
	e.pending = append(e.pending, p[:n]...)
	for {
		event, rest, complete := bytes.Cut(e.pending, []byte("\n\n"))
		if !complete {
			break
		}
		e.pending = rest
		if violation := e.checker.document.compareEvent(event); violation != nil {
			e.err = fmt.Errorf("the event %q violates docs/openapi.yaml: %w", event, violation)
			e.checker.keep(e.err)
			return 0, e.err
		}
	}
	return n, err
}

// Close implements io.Closer.
func (e *eventChecker) Close() error { return e.body.Close() }

// compareEvent compares one event, which is a list of fields, with what the document says of GET /orders/{id}/events.
func (d *Document) compareEvent(event []byte) error {
	fields := map[string][]byte{}
	for line := range bytes.SplitSeq(event, []byte("\n")) {
		name, value, _ := bytes.Cut(line, []byte(": "))
		fields[string(name)] = value
	}
	data, hasData := fields["data"]
	_, retry := fields["retry"]
	switch {
	case !hasData && (retry || len(fields) == 1 && fields[""] != nil): // a comment
		return nil
	case string(fields["event"]) != "status" || len(fields["id"]) == 0 || len(fields) != 3:
		return fmt.Errorf("an event has the fields event (status), id and data")
	}
	return d.compareValue("StatusChange", data)
}

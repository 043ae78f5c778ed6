package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Change is one change of an order's status in a live stream.
type Change struct {
	OrderID string    `json:"orderId"`
	Status  string    `json:"status"`
	Version int       `json:"version"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`

	// EventID resumes a stream after this change.
	EventID string `json:"-"`
}

// Watch streams an order's changes until ctx ends or the server ends the stream after a final status. The stream starts
// with the current status, or, if after holds the EventID of an earlier change, with the changes after that one.
func (c *Client) Watch(ctx context.Context, orderID, after string) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		stream, err := c.openStream(ctx, orderID, after)
		if err != nil {
			yield(Change{}, err)
			return
		}
		defer func() { _ = stream.Close() }()
		lines := bufio.NewScanner(stream)
		for {
			change, err := next(lines)
			if err == io.EOF {
				return
			}
			if !yield(change, err) || err != nil {
				return
			}
		}
	}
}

// openStream opens the live stream of an order. After is the id of the last event the client has seen; "" means none.
func (c *Client) openStream(ctx context.Context, orderID, after string) (io.ReadCloser, error) {
	header := http.Header{"Accept": {"text/event-stream"}}
	if after != "" {
		header.Set("Last-Event-ID", after)
	}
	path := "/orders/" + url.PathEscape(orderID) + "/events"
	req, err := c.request(ctx, Request{Method: http.MethodGet, Path: path, Header: header})
	if err != nil {
		return nil, err
	}
	resp, err := (&http.Client{Transport: c.http.Transport}).Do(req) // no timeout: a stream stays open
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusNoContent { // the client has the final status already; no more events follow
		return resp.Body, nil
	}
	if resp.StatusCode != http.StatusOK {
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(resp.Body)
		return nil, Response{Status: resp.StatusCode, Header: resp.Header, Body: body}.Problem()
	}
	if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("Content-Type of the stream: got %q, want text/event-stream", kind)
	}
	return resp.Body, nil
}

// next reads one event of the stream (https://html.spec.whatwg.org/multipage/server-sent-events.html). At the end of the
// stream it returns io.EOF.
func next(lines *bufio.Scanner) (Change, error) {
	var change Change
	var kind, id, data string
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "" && data != "":
			if kind != "status" {
				return change, fmt.Errorf("event type: got %q, want \"status\"", kind)
			}
			change.EventID = id
			err := json.Unmarshal([]byte(data), &change)
			return change, err
		case name == "event":
			kind = value
		case name == "id":
			id = value
		case name == "data":
			data += value
		}
	}
	if err := lines.Err(); err != nil {
		return change, err
	}
	return change, io.EOF
}

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

// Change is one change of an order's status, as it is told to those who watch.
type Change struct {
	OrderID string    `json:"orderId"`
	Status  string    `json:"status"`
	Version int       `json:"version"`
	Reason  string    `json:"reason"`
	At      time.Time `json:"at"`

	// EventID is what to resume from.
	EventID string `json:"-"`
}

// Watch follows an order live, until the server ends the stream after a final status, or ctx ends. It begins with the
// status as it is; after, the EventID of an earlier change, begins with what came after that one.
func (c *Client) Watch(ctx context.Context, orderID, after string) iter.Seq2[Change, error] {
	return func(yield func(Change, error) bool) {
		stream, err := c.open(ctx, orderID, after)
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

func (c *Client) open(ctx context.Context, orderID, after string) (io.ReadCloser, error) {
	header := http.Header{"Accept": {"text/event-stream"}}
	if after != "" {
		header.Set("Last-Event-ID", after)
	}
	req, err := c.request(ctx, Request{Method: http.MethodGet, Path: "/orders/" + url.PathEscape(orderID) + "/events", Header: header})
	if err != nil {
		return nil, err
	}
	resp, err := (&http.Client{Transport: c.http.Transport}).Do(req) // without the time-out: the stream lasts
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusNoContent { // what came after is nothing, and nothing will
		return resp.Body, nil
	}
	if resp.StatusCode != http.StatusOK {
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(resp.Body)
		return nil, Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}.Problem()
	}
	if kind := resp.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("the stream is %q, not text/event-stream", kind)
	}
	return resp.Body, nil
}

// next reads one event of the stream (https://html.spec.whatwg.org/multipage/server-sent-events.html); io.EOF at its end.
func next(lines *bufio.Scanner) (Change, error) {
	var change Change
	var kind, id, data string
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "" && data != "":
			if kind != "status" {
				return change, fmt.Errorf("an event %q, not \"status\"", kind)
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

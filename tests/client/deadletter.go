package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// DeadLetter is an event that a service could not handle.
type DeadLetter struct {
	ID            string          `json:"id"`
	Topic         string          `json:"topic"`
	Service       string          `json:"service"`
	EventID       string          `json:"eventId"`
	Key           string          `json:"key"`
	Status        string          `json:"status"`
	Reason        string          `json:"reason"`
	Attempts      int             `json:"attempts"`
	At            time.Time       `json:"at"`
	Payload       json.RawMessage `json:"payload"`
	PayloadBase64 []byte          `json:"payloadBase64"`
}

// DeadLetters lists the dead letters of a service, newest first (administrators only). Without a service it lists those of all services.
func (c *Client) DeadLetters(ctx context.Context, service string, page Page) (List[DeadLetter], error) {
	query := url.Values{}
	if service != "" {
		query.Set("service", service)
	}
	return call[List[DeadLetter]](ctx, c, Request{Method: http.MethodGet, Path: "/dead-letters" + page.query(query)})
}

// DeadLetter returns a dead letter with its payload (administrators only).
func (c *Client) DeadLetter(ctx context.Context, id string) (DeadLetter, error) {
	return call[DeadLetter](ctx, c, Request{Method: http.MethodGet, Path: "/dead-letters/" + id})
}

// ReplayDeadLetter makes a dead letter due, so that its service replays it (administrators only).
func (c *Client) ReplayDeadLetter(ctx context.Context, id string) (DeadLetter, error) {
	return call[DeadLetter](ctx, c, Request{Method: http.MethodPost, Path: "/dead-letters/" + id + "/replay"})
}

// DiscardDeadLetter discards a dead letter (administrators only).
func (c *Client) DiscardDeadLetter(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, Request{Method: http.MethodDelete, Path: "/dead-letters/" + id})
	return err
}

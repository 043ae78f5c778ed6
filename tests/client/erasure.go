package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// The states of an erasure.
const (
	AccountDeleting = "DELETING"
	AccountErased   = "ERASED"
)

// Erasure is the progress of an erasure.
type Erasure struct {
	UserID      string    `json:"userId"`
	Status      string    `json:"status"`
	RequestedAt time.Time `json:"requestedAt"`
	CompletedAt time.Time `json:"completedAt"`
}

// Erase begins the erasure of the caller's account. The client must have just logged in: the token of a refresh is refused.
func (c *Client) Erase(ctx context.Context) (Erasure, error) {
	return call[Erasure](ctx, c, Request{Method: http.MethodDelete, Path: "/users/me"})
}

// Erasure returns the progress of an erasure. A positive patience waits that long (at most 30 s) until it is complete.
func (c *Client) Erasure(ctx context.Context, userID string, patience time.Duration) (Erasure, error) {
	return call[Erasure](ctx, c, Request{Method: http.MethodGet, Path: "/auth/erasures/" + url.PathEscape(userID), Header: wait(patience)})
}

// Export is a part of all data held on a person.
type Export struct {
	Profile    Profile           `json:"profile"`
	Account    json.RawMessage   `json:"account"`
	Sessions   []json.RawMessage `json:"sessions"`
	Orders     []Order           `json:"orders"`
	NextCursor string            `json:"nextCursor"`
}

// Export returns the part of the caller's data that begins at cursor; empty for the first part.
func (c *Client) Export(ctx context.Context, cursor string) (Export, error) {
	return call[Export](ctx, c, Request{Method: http.MethodGet, Path: "/users/me/export" + Page{Cursor: cursor}.query(nil)})
}

package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// AuditEntry is an entry of a service's audit trail.
type AuditEntry struct {
	ID      string          `json:"id"`
	At      time.Time       `json:"at"`
	Service string          `json:"service"`
	Actor   string          `json:"actor"`
	Address string          `json:"address"`
	Action  string          `json:"action"`
	Subject string          `json:"subject"`
	Before  json.RawMessage `json:"before"`
	After   json.RawMessage `json:"after"`
	TraceID string          `json:"traceId"`
}

// Audit lists the audit entries about a subject in a service's trail, newest first (administrators only).
func (c *Client) Audit(ctx context.Context, service, subject string, page Page) (List[AuditEntry], error) {
	return call[List[AuditEntry]](ctx, c, Request{Method: http.MethodGet,
		Path: "/audit/" + service + page.query(url.Values{"subject": {subject}})})
}

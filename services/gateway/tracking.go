package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/token"
)

// historyTimeout limits one request for an order's history.
const historyTimeout = 5 * time.Second

// orderRefusal is the error for a problem that the service order reported. The client gets that problem unchanged.
type orderRefusal struct{ response serviceResponse }

func (r orderRefusal) Error() string {
	return fmt.Sprintf("order refused the request with status %d", r.response.status)
}

// trackOrder serves GET /orders/{id}/events: the changes of one order as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html), until a final status. It adds the watcher before it reads
// the history, so that no change between the two is lost. Only after that, when the service order has let the client see the order, does
// the watcher take one of the order's places.
func (g *gateway) trackOrder(w http.ResponseWriter, r *http.Request) error {
	id, err := idParam(r, "id")
	if err != nil {
		return err
	}
	telemetry.SetOrder(r.Context(), id)
	after, err := resumeAfter(r)
	if err != nil {
		return err
	}
	claims := token.From(r.Context())
	watcher, err := g.hub.addWatcher(id, viewer{
		account: claims.Subject, address: g.clients.address(r).String(), staff: claims.Any(token.Staff, token.Admin),
	})
	if err != nil {
		return err
	}
	defer g.hub.removeWatcher(watcher)
	fetch := func(ctx context.Context) ([]statusChange, error) { return g.fetchHistory(ctx, r, id) }
	changes, err := fetch(r.Context())
	if refused, ok := err.(orderRefusal); ok {
		return refused.response.writeTo(w, r)
	}
	if err != nil {
		return err
	}
	if err := rest.PreconditionOf(r).CheckUnversioned(); err != nil {
		return err
	}
	if err := g.hub.admitWatcher(watcher); err != nil {
		return err
	}
	s := newStream(w, watcher, fetch, changes, after)
	if s.final { // only a client that resumes can have seen the final status (newStream)
		w.WriteHeader(http.StatusNoContent) // tells it not to reconnect
		return nil
	}
	if r.Method == http.MethodHead {
		s.writeHeader()
		return nil
	}
	until, cancel := context.WithDeadline(r.Context(), claims.ExpiresAt.Time)
	defer cancel()
	s.run(until, g.stopping)
	return nil
}

// resumeParameter is the query parameter with which polyfills of EventSource resume a stream: they cannot set headers, or avoid
// the preflight of one.
const resumeParameter = "lastEventId"

// resumeAfter returns the version after which the client resumes, or nil for a new stream. The header Last-Event-ID, which a
// browser sets when it reconnects, wins over the query parameter of the original URL.
func resumeAfter(r *http.Request) (*int, error) {
	const header = "Last-Event-ID"
	name, text := header, r.Header.Get(header)
	if len(r.Header.Values(header)) > 1 {
		return nil, fault.Malformed("%s must be sent once", header)
	}
	if text == "" {
		name, text = resumeParameter, r.URL.Query().Get(resumeParameter)
	}
	if text == "" {
		return nil, nil
	}
	version, ok := rest.WholeNumber(text)
	if !ok {
		return nil, fault.Malformed("%s must be the id of an event of this stream", name)
	}
	return &version, nil
}

// fetchHistory requests all changes of an order so far, with the client's credentials.
func (g *gateway) fetchHistory(ctx context.Context, r *http.Request, id string) ([]statusChange, error) {
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	in := invocation{app: "order", method: http.MethodGet, path: "/orders/" + id + "/history", header: http.Header{}}
	copyCredentials(r, in.header)
	response, err := g.invokeBounded(ctx, g.clients.address(r).String(), in)
	if err != nil {
		return nil, err
	}
	if response.problem {
		return nil, orderRefusal{response}
	}
	var body struct {
		OrderID string         `json:"orderId"`
		Items   []statusChange `json:"items"`
	}
	if err := json.Unmarshal(response.body, &body); err != nil || len(body.Items) == 0 {
		return nil, rest.NoAnswer("order", fmt.Errorf("decode the history: %d items, %v", len(body.Items), err))
	}
	for i := range body.Items {
		body.Items[i].OrderID = body.OrderID
	}
	return body.Items, nil
}

// statusChange is one change of an order, as clients see it.
type statusChange struct {
	OrderID string       `json:"orderId"`
	Status  event.Status `json:"status"`
	Version int          `json:"version"`
	Reason  string       `json:"reason,omitempty"`
	At      time.Time    `json:"at"`
}

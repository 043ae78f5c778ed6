package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/token"
)

// historyTimeout bounds one look at an order's history.
const historyTimeout = 5 * time.Second

// refusal is a service's answer that is not what was asked for: the client gets it as it is.
type refusal struct{ response serviceResponse }

func (r refusal) Error() string { return fmt.Sprintf("refused with %d", r.response.status) }

// track serves GET /orders/{id}/events: every change of one order as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html), until the last. The hub is joined before the history is
// asked, so that nothing falls between the two.
func (g *gateway) trackOrder(w http.ResponseWriter, r *http.Request) error {
	path, err := fillPath(r, "/orders/{id}/history")
	if err != nil {
		return err
	}
	setOrderFromPath(r.Context(), path)
	after, err := resumeAfter(r)
	if err != nil {
		return err
	}
	claims := token.From(r.Context())
	watcher, err := g.hub.addWatcher(orderIn(path), claims.Subject)
	if err != nil {
		return err
	}
	defer g.hub.removeWatcher(watcher)
	history := func(ctx context.Context) ([]statusChange, error) { return g.fetchHistory(ctx, r, path) }
	past, err := history(r.Context())
	if refused, ok := err.(refusal); ok {
		return refused.response.writeTo(w, r)
	}
	if err != nil {
		return err
	}
	s := newStream(w, watcher, history, past, after)
	if after != nil && s.final {
		w.WriteHeader(http.StatusNoContent) // the client has seen the end; this tells it not to come back
		return nil
	}
	until, cancel := context.WithDeadline(r.Context(), claims.ExpiresAt.Time)
	defer cancel()
	s.run(until, g.stopping, past)
	return nil
}

// orderIn is the id in "/orders/<id>/history".
func orderIn(path string) string { return path[len("/orders/") : len(path)-len("/history")] }

// resumeAfter is the version after which the client wants to go on; nil when it begins.
func resumeAfter(r *http.Request) (*int, error) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		return nil, nil
	}
	version, err := strconv.Atoi(text)
	if err != nil || version < 0 {
		return nil, fault.Malformed("Last-Event-ID has to be the id of an event of this stream")
	}
	return &version, nil
}

// history asks order, in the name of the client, for every change so far.
func (g *gateway) fetchHistory(ctx context.Context, r *http.Request, path string) ([]statusChange, error) {
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	in := invocation{app: "order", method: http.MethodGet, path: path, header: http.Header{}}
	copyCredentials(r, in.header)
	a, err := g.sidecar.invoke(ctx, in)
	if err != nil {
		return nil, err
	}
	if a.problem {
		return nil, refusal{a}
	}
	var body struct {
		OrderID string         `json:"orderId"`
		Items   []statusChange `json:"items"`
	}
	if err := json.Unmarshal(a.body, &body); err != nil || len(body.Items) == 0 {
		return nil, unavailable("order", fmt.Errorf("read a history: %v", err))
	}
	for i := range body.Items {
		body.Items[i].OrderID = body.OrderID
	}
	return body.Items, nil
}

// change is one change of an order, as a client sees it.
type statusChange struct {
	OrderID string       `json:"orderId"`
	Status  event.Status `json:"status"`
	Version int          `json:"version"`
	Reason  string       `json:"reason,omitempty"`
	At      time.Time    `json:"at"`
}

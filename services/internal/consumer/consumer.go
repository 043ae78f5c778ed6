// Package consumer receives the events that a service subscribes to (dapr/subscriptions) and tells the sidecar what to do
// with each: done, retry or dead letter. It does not map errors to HTTP statuses, because Dapr drops an event on a 404.
//
// The sidecar sends the app token with every request, service invocations included. So a request that carries a caller's
// app id is not an event, and is refused.
package consumer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/gorilla/mux"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/validate"
)

// maxEvent is the size limit of an event in bytes. The broker's limit is 1 MiB of data, base64 in the envelope included.
const maxEvent = 2 << 20

// Unmatched is the path to which the sidecar sends events whose type has no subscription. They become dead letters.
const Unmatched = "/events/unmatched"

// Route is one line of a service's table of events.
type Route struct {
	topic  string
	kind   string
	handle func(ctx context.Context, raw []byte) error
}

// On passes the events of topic to handle. A nil error means done. An error made by Reject makes the event a dead letter at
// once. Any other error is retried for as long as dapr/resiliency.yaml says; then the event becomes a dead letter.
func On[T any](topic event.Topic[T], handle func(context.Context, event.Received[T]) error) Route {
	return Route{topic: topic.Name, kind: topic.Type(), handle: func(ctx context.Context, raw []byte) error {
		var received event.Received[T]
		if err := json.Unmarshal(raw, &received); err != nil {
			return Reject(fmt.Errorf("decode: %w", err))
		}
		return handle(ctx, received)
	}}
}

type rejection struct{ error }

func (r rejection) Unwrap() error { return r.error }

// Reject marks err as permanent: the event becomes a dead letter without a retry.
func Reject(err error) error { return rejection{err} }

// Register adds the route POST /events/<topic> for each topic to router.
func Register(router *mux.Router, log *slog.Logger, routes []Route) {
	for _, route := range routes {
		router.Handle("/events/"+route.topic, receive(log, route)).Methods(http.MethodPost)
	}
	router.Handle(Unmatched, receive(log, Route{topic: "unmatched", handle: func(context.Context, []byte) error {
		return Reject(errors.New("no subscription for this event type"))
	}})).Methods(http.MethodPost)
}

func receive(log *slog.Logger, route Route) http.Handler {
	return rest.Render(log, func(w http.ResponseWriter, r *http.Request) error {
		if r.Header.Get("dapr-caller-app-id") != "" {
			return fault.Forbidden("another service called an event route: publish the event to the broker instead")
		}
		return rest.JSON(w, http.StatusOK, map[string]string{"status": handleEvent(log, route, r)})
	})
}

// handleEvent handles one event and returns the status that tells the sidecar what to do with it
// (https://docs.dapr.io/reference/api/pubsub_api/#expected-http-response).
func handleEvent(log *slog.Logger, route Route, r *http.Request) string {
	ctx, cancel := context.WithTimeout(r.Context(), rest.RequestTimeout)
	defer cancel()
	telemetry.SetEvent(ctx, route.topic, telemetry.Retry) // the outcome if the handler panics: Dapr sends the event again
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxEvent))
	if err != nil {
		return "RETRY"
	}
	var head event.Received[json.RawMessage]
	if err := json.Unmarshal(raw, &head); err != nil {
		head.Type = "unreadable"
	}
	if err = route.checkType(head.Type); err == nil {
		err = route.handle(ctx, bytes.TrimSpace(raw))
	}
	log = log.With("topic", route.topic, "event", head.ID)
	if validate.IsUUID(head.Subject) { // anything else may be personal, and logs must not have that
		log = log.With("subject", head.Subject)
	}
	switch {
	case err == nil:
		telemetry.SetEvent(ctx, route.topic, telemetry.Done)
		log.DebugContext(ctx, "event handled")
		return "SUCCESS"
	case errors.As(err, new(rejection)):
		telemetry.SetEvent(ctx, route.topic, telemetry.DeadLetter)
		log.ErrorContext(ctx, "event rejected, sending it to the dead-letter topic", "error", err)
		return "DROP"
	default:
		log.WarnContext(ctx, "event failed, Dapr will retry it", "error", err)
		return "RETRY"
	}
}

func (r Route) checkType(kind string) error {
	if r.kind != "" && kind != r.kind {
		return Reject(fmt.Errorf("the event's type is not %q", r.kind))
	}
	return nil
}

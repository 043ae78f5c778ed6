// Package consumer receives the events a service is subscribed to (dapr/subscriptions) and decides the fate of each:
// done, try again, or dead letter. It never uses HTTP's mapping of errors for that, because to Dapr a 404 means: lose it.
//
// The sidecar proves itself with the app token, as it does on every request; but it adds that token to service
// invocations too, so whatever carries a caller's app id is no event and is refused.
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
)

// maxEvent bounds an event: a broker's own limit is 1 MiB for data, base64 in the envelope included.
const maxEvent = 2 << 20

// Unmatched is where the sidecar sends an event of a type no subscription names. It goes to the dead letters.
const Unmatched = "/events/unmatched"

// Route is one line of a service's table of events.
type Route struct {
	topic  string
	kind   string
	handle func(ctx context.Context, raw []byte) error
}

// On hands the events of topic to handle. A nil error is done; one made by Reject goes to the dead letters at once; any
// other is tried again for as long as dapr/resiliency.yaml says, and then goes to the dead letters.
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

// Reject marks err as one that trying again cannot mend.
func Reject(err error) error { return rejection{err} }

// Register adds the routes of events to router: POST /events/<topic>.
func Register(router *mux.Router, log *slog.Logger, routes []Route) {
	for _, route := range routes {
		router.Handle("/events/"+route.topic, receive(log, route)).Methods(http.MethodPost)
	}
	router.Handle(Unmatched, receive(log, Route{topic: "unmatched", handle: func(context.Context, []byte) error {
		return Reject(errors.New("no subscription is for events of this type"))
	}})).Methods(http.MethodPost)
}

func receive(log *slog.Logger, route Route) http.Handler {
	return rest.Render(log, func(w http.ResponseWriter, r *http.Request) error {
		if r.Header.Get("dapr-caller-app-id") != "" {
			return fault.Forbidden("events come from the broker, not from another service")
		}
		return rest.JSON(w, http.StatusOK, map[string]string{"status": fate(log, route, r)})
	})
}

// fate handles one event and says what the sidecar shall do with it
// (https://docs.dapr.io/reference/api/pubsub_api/#expected-http-response).
func fate(log *slog.Logger, route Route, r *http.Request) string {
	ctx, cancel := context.WithTimeout(r.Context(), rest.RequestTimeout)
	defer cancel()
	telemetry.SetEvent(ctx, route.topic, telemetry.Retry) // whatever it is that keeps us from saying more: a panic comes again
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxEvent))
	if err != nil {
		return "RETRY"
	}
	var head event.Received[json.RawMessage]
	if err := json.Unmarshal(raw, &head); err != nil {
		head.Type = "unreadable"
	}
	if err = route.check(head.Type); err == nil {
		err = route.handle(ctx, bytes.TrimSpace(raw))
	}
	log = log.With("topic", route.topic, "event", head.ID, "subject", head.Subject)
	switch {
	case err == nil:
		telemetry.SetEvent(ctx, route.topic, telemetry.Done)
		log.DebugContext(ctx, "event handled")
		return "SUCCESS"
	case errors.As(err, new(rejection)):
		telemetry.SetEvent(ctx, route.topic, telemetry.DeadLetter)
		log.ErrorContext(ctx, "event rejected, it goes to the dead letters", "error", err)
		return "DROP"
	default:
		log.WarnContext(ctx, "event failed, it will be tried again", "error", err)
		return "RETRY"
	}
}

func (r Route) check(kind string) error {
	if r.kind != "" && kind != r.kind {
		return Reject(fmt.Errorf("type %q is not %q", kind, r.kind))
	}
	return nil
}

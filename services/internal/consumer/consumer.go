// Package consumer receives the events that a service subscribes to (dapr/subscriptions) and tells the sidecar what to do
// with each: done, retry or dead letter. It does not map errors to HTTP statuses, because Dapr drops an event on a 404.
//
// The app token does not tell events from service invocations, because the sidecar sends it with both. So a request with one of
// callerHeaders, which only invocations have, is refused. With unmodified daprd the calling service can remove these headers: only the
// signature of an event proves that it is genuine (package signature, docs/decisions/0020).
package consumer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/signature"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/validate"
)

// maxEvent is the number of bytes that are read of an event or a dead letter. The broker's limit is 1 MiB, which base64 makes a third larger.
const maxEvent = 2 << 20

// Unmatched is the path to which the sidecar sends events whose type has no subscription. They become dead letters.
const Unmatched = "/events/unmatched"

// callerHeaders are the headers that a sidecar adds to a service invocation, and to nothing else.
var callerHeaders = []string{"Dapr-Caller-App-Id", "Dapr-Caller-Namespace", "Dapr-Callee-App-Id"}

// Route is one line of a service's table of events.
type Route struct {
	topic  string
	kind   string
	handle func(ctx context.Context, e event.Received[json.RawMessage]) error
}

// On passes the events of topic to handle. A nil error means done. An error made by Reject makes the event a dead letter at once, and so do
// data that cannot be decoded into a T. An error made by Postpone makes it a dead letter at once only where dead letters are stored. After
// any other error the event is retried: for a few seconds where dead letters are stored (package deadletter), otherwise for as long as
// dapr/resiliency/resiliency.yaml says. Then it becomes a dead letter too.
func On[T any](topic event.Topic[T], handle func(context.Context, event.Received[T]) error) Route {
	return Route{topic: topic.Name, kind: topic.Type(), handle: func(ctx context.Context, e event.Received[json.RawMessage]) error {
		received := event.Received[T]{ID: e.ID, Type: e.Type, Source: e.Source, Subject: e.Subject, Time: e.Time, Replayed: e.Replayed}
		if err := json.Unmarshal(e.Data, &received.Data); err != nil {
			return Reject(fmt.Errorf("decode: %w", err))
		}
		return handle(ctx, received)
	}}
}

// rejection is the mark of Reject.
type rejection struct{ error }

func (r rejection) Unwrap() error { return r.error }

// Reject marks err as permanent: the event becomes a dead letter without a retry.
func Reject(err error) error { return rejection{err} }

// postponement is the mark of Postpone.
type postponement struct{ error }

func (p postponement) Unwrap() error { return p.error }

// Postpone marks err as one that no attempt within seconds can cure, such as a document that is missing since a restore. The event becomes
// a dead letter at once, so that it does not hold up the events behind it, and is replayed like any other. A service that stores no dead
// letters retries it.
func Postpone(err error) error { return postponement{err} }

// IsPostponed reports whether err was marked with Postpone.
func IsPostponed(err error) bool { return errors.As(err, new(postponement)) }

// Register adds the route POST /events/<topic> for each topic of table to router, and Unmatched. An event that the topic's publisher has
// not signed becomes a dead letter. letters stores the dead letters, which the sidecar sends to StorePath; it is nil for a service that
// stores none.
func Register(router *mux.Router, log *slog.Logger, table Table, letters DeadLetters) {
	for _, route := range table.Routes {
		router.Handle("/events/"+route.topic, receive(log, func(r *http.Request) string {
			return table.deliver(log, letters, route, r)
		})).Methods(http.MethodPost)
	}
	router.Handle(Unmatched, receive(log, func(r *http.Request) string {
		return table.deliver(log, nil, Route{topic: "unmatched"}, r)
	})).Methods(http.MethodPost)
	if letters != nil {
		router.Handle(StorePath, receive(log, func(r *http.Request) string {
			return storeLetter(log, letters, r)
		})).Methods(http.MethodPost)
	}
}

// receive answers the sidecar with the status that handle returns
// (https://docs.dapr.io/reference/api/pubsub_api/#expected-http-response).
func receive(log *slog.Logger, handle func(*http.Request) string) http.Handler {
	return rest.Render(log, func(w http.ResponseWriter, r *http.Request) error {
		if isInvocation(r) {
			return errInvocation
		}
		return rest.JSON(w, http.StatusOK, map[string]string{"status": handle(r)})
	})
}

var errInvocation = fault.Forbidden("another service called an event route: publish the event to the broker instead")

// isInvocation reports whether another service sent r. Any of callerHeaders is enough, with any value: the calling service can add an
// empty header before the real one, and Header.Get would return the empty one.
func isInvocation(r *http.Request) bool {
	for _, name := range callerHeaders {
		if _, exists := r.Header[name]; exists {
			return true
		}
	}
	return false
}

// deliver handles one event and returns the status that tells the sidecar what to do with it.
func (t Table) deliver(log *slog.Logger, letters DeadLetters, route Route, r *http.Request) string {
	ctx, cancel := context.WithTimeout(r.Context(), rest.RequestTimeout)
	defer cancel()
	telemetry.SetEvent(ctx, route.topic, telemetry.Retry)    // the outcome if the handler panics: Dapr sends the event again
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxEvent)) // a larger event is cut, so it is no JSON and becomes a dead letter
	if err != nil {
		return "RETRY"
	}
	attempt := Attempt{Topic: route.topic, Begun: time.Now()}
	received, err := route.verify(t.Keys, raw)
	genuine := err == nil // only a genuine event has an id that can be trusted
	attempt.EventID = received.ID
	if genuine {
		err = handleReportingPanics(ctx, letters, attempt, func() error { return route.handle(ctx, received) })
	}
	log = log.With("topic", route.topic, "event", received.ID)
	if validate.IsUUID(received.Subject) { // any other subject may be personal data, which logs must not hold
		log = log.With("subject", received.Subject)
	}
	outcome := outcomeOf(err)
	if genuine && letters != nil {
		attempt.Err = err
		if letters.RecordAttempt(ctx, attempt) && outcome == telemetry.Retry {
			outcome = telemetry.DeadLetter
			err = fmt.Errorf("given up for now: %w", err)
		}
	}
	switch outcome {
	case telemetry.Done:
		telemetry.SetEvent(ctx, route.topic, telemetry.Done)
		log.DebugContext(ctx, "event handled")
		return "SUCCESS"
	case telemetry.Retry:
		log.WarnContext(ctx, "event failed, Dapr will retry it", "error", err)
		return "RETRY"
	}
	telemetry.SetEvent(ctx, route.topic, outcome)
	if outcome == telemetry.Forged {
		log.ErrorContext(ctx, "event forged, sending it to the dead-letter topic", "error", err)
	} else {
		log.ErrorContext(ctx, "event rejected, sending it to the dead-letter topic", "error", err)
	}
	return "DROP"
}

// outcomeOf returns the outcome of an attempt to handle an event; err is the attempt's error, or nil.
func outcomeOf(err error) string {
	switch {
	case err == nil:
		return telemetry.Done
	case errors.Is(err, signature.ErrForged), errors.Is(err, signature.ErrUnsigned):
		return telemetry.Forged
	case errors.As(err, new(rejection)):
		return telemetry.DeadLetter
	}
	return telemetry.Retry
}

// IsPermanent reports whether an event that failed with err can never be handled as it is: it was rejected, or is forged.
func IsPermanent(err error) bool { return err != nil && outcomeOf(err) != telemetry.Retry }

// verify decodes an event and checks its type and its signature. The event that it returns with an error is not genuine: its values serve
// only to describe it.
func (r Route) verify(keys signature.PublicKeys, raw []byte) (event.Received[json.RawMessage], error) {
	var envelope struct {
		event.Received[json.RawMessage]
		Signature string `json:"signature"`
	}
	if err := json.Unmarshal(raw, &envelope); err != nil {
		return envelope.Received, Reject(fmt.Errorf("decode the envelope: %w", err))
	}
	if r.handle == nil {
		return envelope.Received, Reject(errNoRoute)
	}
	if envelope.Type != r.kind {
		return envelope.Received, Reject(fmt.Errorf("the event's type is not %q", r.kind))
	}
	var err error
	envelope.Data, err = keys.Verify(event.PublisherOf(r.topic, envelope.Source), envelope.Type, envelope.Subject, envelope.Data, envelope.Signature)
	return envelope.Received, err
}

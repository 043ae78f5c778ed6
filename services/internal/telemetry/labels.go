package telemetry

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"comanda/services/internal/validate"
)

// The outcomes of handling an event.
const (
	Done       = "done"
	Retry      = "retry"
	DeadLetter = "dead_letter"
	Forged     = "forged" // not signed by its publisher; it becomes a dead letter too
)

// unmatched is the route label of requests that match no route.
const unmatched = "unmatched"

// observation collects what the handlers of one request or event report to the Observer. Only one goroutine uses it.
type observation struct {
	route          string
	topic, outcome string
	agreedWait     time.Duration
	attrs          []slog.Attr
}

type observationKey struct{}

func withObservation(ctx context.Context) (context.Context, *observation) {
	o := &observation{route: unmatched}
	return context.WithValue(ctx, observationKey{}, o), o
}

// observationFrom returns the observation in ctx, or an unused one if there is no Observer.
func observationFrom(ctx context.Context) *observation {
	if o, ok := ctx.Value(observationKey{}).(*observation); ok {
		return o
	}
	return &observation{}
}

// SetRoute sets the route of a request: the template of its path, such as /orders/{id}.
func SetRoute(ctx context.Context, template string) { observationFrom(ctx).route = template }

// Route returns the route of a request. Log the route instead of the path, which may contain text that a client has typed.
func Route(ctx context.Context) string { return observationFrom(ctx).route }

// SetAgreedWait sets the time that a client has agreed to wait in addition to the usual duration (Prefer: wait=N).
func SetAgreedWait(ctx context.Context, wait time.Duration) { observationFrom(ctx).agreedWait = wait }

// SetEvent sets the topic and the outcome of an event.
func SetEvent(ctx context.Context, topic, outcome string) {
	o := observationFrom(ctx)
	o.topic, o.outcome = topic, outcome
}

// SetOrder sets the order that a request or an event concerns, so that operators find its spans and log lines by the id. It
// ignores an id that is not a UUID.
func SetOrder(ctx context.Context, id string) {
	if !validate.IsUUID(id) {
		return
	}
	trace.SpanFromContext(ctx).SetAttributes(attribute.String("comanda.order.id", id))
	o := observationFrom(ctx)
	o.attrs = append(o.attrs[:0], slog.String("orderId", id))
}

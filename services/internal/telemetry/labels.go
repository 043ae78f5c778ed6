package telemetry

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"comanda/services/internal/validate"
)

// What can become of an event that was handled.
const (
	Done       = "done"
	Retry      = "retry"
	DeadLetter = "dead_letter"
)

// unmatched is the route of what takes none.
const unmatched = "unmatched"

// seen is what is said of a request or an event while it is being served, by one goroutine.
type seen struct {
	route          string
	topic, outcome string
	agreed         time.Duration
	attrs          []slog.Attr
}

type key struct{}

func note(ctx context.Context) (context.Context, *seen) {
	s := &seen{route: unmatched}
	return context.WithValue(ctx, key{}, s), s
}

func of(ctx context.Context) *seen {
	if s, ok := ctx.Value(key{}).(*seen); ok {
		return s
	}
	return &seen{} // nobody observes
}

// SetRoute says which route a request has taken: its template, as /orders/{id}.
func SetRoute(ctx context.Context, template string) { of(ctx).route = template }

// SetAgreedWait says how long a client has agreed to wait on top of what every answer may take (Prefer: wait=N).
func SetAgreedWait(ctx context.Context, agreed time.Duration) { of(ctx).agreed = agreed }

// SetEvent says of which topic an event is and what becomes of it.
func SetEvent(ctx context.Context, topic, outcome string) {
	s := of(ctx)
	s.topic, s.outcome = topic, outcome
}

// SetOrder says which order this is about: by its id an operator finds spans and lines. What is no id of ours is not kept.
func SetOrder(ctx context.Context, id string) {
	if !validate.IsUUID(id) {
		return
	}
	trace.SpanFromContext(ctx).SetAttributes(attribute.String("comanda.order.id", id))
	s := of(ctx)
	s.attrs = append(s.attrs[:0], slog.String("orderId", id))
}

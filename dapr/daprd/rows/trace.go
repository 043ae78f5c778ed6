package rows

import (
	"context"
	"encoding/json"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traceDelay adds a span to the event's trace: from the start of its transaction until the broker acknowledged it. The
// event is published as it was committed, so its consumers' spans are siblings of this span, not children.
func traceDelay(r row, published time.Time) {
	var event struct {
		TraceParent string `json:"traceparent"`
		TraceID     string `json:"traceid"` // the traceparent of the sidecar's own span
	}
	if json.Unmarshal(r.record.Event, &event) != nil || r.createdAt.IsZero() {
		return
	}
	if event.TraceParent == "" {
		event.TraceParent = event.TraceID
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": event.TraceParent})
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return
	}
	began := r.createdAt
	if began.After(published) { // the database's clock is ahead
		began = published
	}
	_, span := otel.Tracer("dapr-outbox").Start(ctx, "outbox/"+r.to.topic, trace.WithSpanKind(trace.SpanKindProducer), trace.WithTimestamp(began),
		trace.WithAttributes(attribute.String("messaging.system", "pubsub"), attribute.String("messaging.destination", r.to.topic)))
	span.End(trace.WithTimestamp(published))
}

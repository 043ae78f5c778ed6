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

// traceDelay adds to the trace an event belongs to how long it was under way: from its transaction until the broker had
// it. The event itself is published as it was committed, so its consumers are beside this span and not below it.
func traceDelay(r row, published time.Time) {
	var event struct {
		TraceParent string `json:"traceparent"`
		TraceID     string `json:"traceid"` // a traceparent as well, of the sidecar's own span
	}
	if json.Unmarshal(r.record.Event, &event) != nil || r.since.IsZero() {
		return
	}
	if event.TraceParent == "" {
		event.TraceParent = event.TraceID
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": event.TraceParent})
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return
	}
	began := r.since
	if began.After(published) { // by another clock
		began = published
	}
	_, span := otel.Tracer("dapr-outbox").Start(ctx, "outbox/"+r.to.topic, trace.WithSpanKind(trace.SpanKindProducer), trace.WithTimestamp(began),
		trace.WithAttributes(attribute.String("messaging.system", "pubsub"), attribute.String("messaging.destination", r.to.topic)))
	span.End(trace.WithTimestamp(published))
}

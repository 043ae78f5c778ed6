// Package tracing carries the W3C trace context (https://www.w3.org/TR/trace-context/) through a service: from the
// sidecar's request into the context, and from there into calls, events and logs. Spans themselves are the sidecars' to make.
package tracing

import (
	"context"
	"net/http"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

var w3c = propagation.TraceContext{}

// Middleware puts the request's trace context into its context.
func Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(w3c.Extract(r.Context(), propagation.HeaderCarrier(r.Header))))
	})
}

// Without returns ctx outside of any trace. What a stranger says of traces is not believed: they could choose what is
// sampled, and put their requests into the traces of others.
func Without(ctx context.Context) context.Context {
	return trace.ContextWithSpanContext(ctx, trace.SpanContext{})
}

// Parent returns the traceparent of ctx, or "" when there is no trace.
func Parent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	w3c.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// ID returns the trace id of ctx, or "" when there is no trace.
func ID(ctx context.Context) string {
	span := trace.SpanContextFromContext(ctx)
	if !span.HasTraceID() {
		return ""
	}
	return span.TraceID().String()
}

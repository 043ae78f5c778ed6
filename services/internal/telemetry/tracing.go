// Package tracing follows a request through the system by the W3C trace context (https://www.w3.org/TR/trace-context/):
// what a service does for a request is a span in its context, and from there the trace goes on into calls, events and log
// lines. The sidecars make spans of their own in between. Spans are sent to Zipkin, where one is set; without one they
// cost next to nothing, and the log lines have their trace ids all the same.
package telemetry

import (
	"context"
	"crypto/rand"
	"net/http"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

var w3c = propagation.TraceContext{}

// StartSpan begins a span of this service below the one in ctx, or a new trace when there is none. The caller ends it (EndSpan).
func StartSpan(ctx context.Context, name string, kind trace.SpanKind) (context.Context, trace.Span) {
	return otel.Tracer("comanda").Start(ctx, name, trace.WithSpanKind(kind))
}

// EndSpan ends a span, which has failed if there is an err.
func EndSpan(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}

// ExtractTrace puts the trace that r's sender is in into ctx.
func ExtractTrace(ctx context.Context, r *http.Request) context.Context {
	return w3c.Extract(ctx, propagation.HeaderCarrier(r.Header))
}

// ContinueTrace puts the trace of a traceparent that was kept into ctx; one that says nothing changes nothing.
func ContinueTrace(ctx context.Context, parent string) context.Context {
	return w3c.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
}

// WithoutTrace returns ctx outside of any trace.
func WithoutTrace(ctx context.Context) context.Context {
	return trace.ContextWithSpanContext(ctx, trace.SpanContext{})
}

// WithUnsampledTrace returns ctx in a trace that nobody keeps, sidecars included: for what is asked every second and is no news.
func WithUnsampledTrace(ctx context.Context) context.Context {
	var ids trace.SpanContextConfig
	_, _ = rand.Read(ids.TraceID[:])
	_, _ = rand.Read(ids.SpanID[:])
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(ids))
}

// Traceparent returns the traceparent of ctx, or "" when there is no trace.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	w3c.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// TraceID returns the trace id of ctx, or "" when there is no trace.
func TraceID(ctx context.Context) string {
	span := trace.SpanContextFromContext(ctx)
	if !span.HasTraceID() {
		return ""
	}
	return span.TraceID().String()
}

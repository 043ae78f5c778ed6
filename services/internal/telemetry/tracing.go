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

// StartSpan starts a span as a child of the span in ctx, or in a new trace if there is none. The caller ends it (EndSpan).
func StartSpan(ctx context.Context, name string, kind trace.SpanKind) (context.Context, trace.Span) {
	return otel.Tracer("comanda").Start(ctx, name, trace.WithSpanKind(kind))
}

// EndSpan ends a span and marks it as failed if err is not nil.
func EndSpan(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}

// ExtractTrace returns ctx with the trace from r's headers.
func ExtractTrace(ctx context.Context, r *http.Request) context.Context {
	return w3c.Extract(ctx, propagation.HeaderCarrier(r.Header))
}

// ContinueTrace returns ctx with the trace of a stored traceparent, or ctx unchanged if parent is empty or invalid.
func ContinueTrace(ctx context.Context, parent string) context.Context {
	return w3c.Extract(ctx, propagation.MapCarrier{"traceparent": parent})
}

// WithoutTrace returns ctx without its trace.
func WithoutTrace(ctx context.Context) context.Context {
	return trace.ContextWithSpanContext(ctx, trace.SpanContext{})
}

// WithUnsampledTrace returns ctx in a trace that neither this process nor the sidecars export. It is for polling, whose spans
// would be useless.
func WithUnsampledTrace(ctx context.Context) context.Context {
	var ids trace.SpanContextConfig
	_, _ = rand.Read(ids.TraceID[:])
	_, _ = rand.Read(ids.SpanID[:])
	return trace.ContextWithSpanContext(ctx, trace.NewSpanContext(ids))
}

// Traceparent returns the traceparent of ctx, or "" without a trace.
func Traceparent(ctx context.Context) string {
	carrier := propagation.MapCarrier{}
	w3c.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// TraceID returns the trace id of ctx, or "" without a trace.
func TraceID(ctx context.Context) string {
	span := trace.SpanContextFromContext(ctx)
	if !span.HasTraceID() {
		return ""
	}
	return span.TraceID().String()
}

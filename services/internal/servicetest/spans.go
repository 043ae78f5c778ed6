package servicetest

import (
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// EndedSpans records spans until the test ends. The returned function counts the ended spans with a name, and how many of
// them failed. EndedSpans replaces the global tracer provider, so the test must not run in parallel with others.
func EndedSpans(t testing.TB) func(name string) (all, failed int) {
	t.Helper()
	recorder, before := tracetest.NewSpanRecorder(), otel.GetTracerProvider()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)))
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	return func(name string) (all, failed int) {
		for _, span := range recorder.Ended() {
			if span.Name() != name {
				continue
			}
			all++
			if span.Status().Code == codes.Error {
				failed++
			}
		}
		return all, failed
	}
}

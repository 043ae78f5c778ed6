// Package tracingtest lets a test see what became of spans.
package servicetest

import (
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// EndedSpans records spans until the test ends, which runs beside no other: how many of a name have ended, and how many of these
// had failed.
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

package main

import (
	"sync"
	"time"

	"go.opentelemetry.io/otel"
)

// tracingLogInterval is the shortest time between two log lines about spans that cannot be exported.
const tracingLogInterval = time.Minute

// handleTracingErrors logs OpenTelemetry's errors. Otherwise OpenTelemetry prints one for every batch of spans while the
// collector is away, outside the log and its format.
func handleTracingErrors() {
	otel.SetErrorHandler(rateLimit(tracingLogInterval, func(err error) {
		log.Warnf("Tracing: %v (logged at most once in %s)", err, tracingLogInterval)
	}))
}

// rateLimit returns a handler that passes at most one error per interval to handle.
func rateLimit(interval time.Duration, handle func(error)) otel.ErrorHandler {
	var mu sync.Mutex
	var handled time.Time
	return otel.ErrorHandlerFunc(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(handled) >= interval {
			handled = time.Now()
			handle(err)
		}
	})
}

package main

import (
	"sync"
	"time"

	"go.opentelemetry.io/otel"
)

// complainEvery is how often it is said that spans cannot be sent.
const complainEvery = time.Minute

// handleTracingErrors puts into the log what OpenTelemetry would print by itself, past the log and its format, for every
// batch of spans while their collector is away.
func handleTracingErrors() {
	otel.SetErrorHandler(nowAndThen(complainEvery, func(err error) {
		log.Warnf("Tracing: %v", err)
	}))
}

// nowAndThen passes on one error of a period.
func nowAndThen(period time.Duration, say func(error)) otel.ErrorHandler {
	var mu sync.Mutex
	var said time.Time
	return otel.ErrorHandlerFunc(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		if time.Since(said) >= period {
			said = time.Now()
			say(err)
		}
	})
}

package scenario

import (
	"context"
	"testing"
	"time"
)

const (
	// SagaTimeout limits one saga on a machine that many tests share. It is not a performance target.
	SagaTimeout = 30 * time.Second
	// OutageTimeout limits the system's recovery after an outage.
	OutageTimeout = 60 * time.Second
	// LiveTimeout limits the wait for a live change. It is shorter than the 15 s after which the gateway polls for missed
	// changes, so a test fails when the event of a change is missing.
	LiveTimeout = 10 * time.Second
)

// Result is the outcome of a call that returns a value and an error.
type Result[T any] struct {
	value T
	err   error
}

// Try wraps the outcome of a call: Try(client.Me(ctx)).OrFail(t).
func Try[T any](value T, err error) Result[T] { return Result[T]{value, err} }

// OrFail returns the value, or fails the test if the call failed.
func (r Result[T]) OrFail(t testing.TB) T {
	t.Helper()
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.value
}

// Eventually waits up to SagaTimeout until check succeeds. condition describes the check in the failure message.
func Eventually(t testing.TB, condition string, check func(context.Context) error) {
	t.Helper()
	EventuallyWithin(t, SagaTimeout, condition, check)
}

// EventuallyWithin is Eventually with another time limit.
func EventuallyWithin(t testing.TB, within time.Duration, condition string, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	var err error
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		if now := check(ctx); now == nil {
			return
		} else if ctx.Err() == nil || err == nil {
			err = now
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not true within %v: %s: %v", within, condition, err)
		case <-time.After(pause):
		}
	}
}

package scenario

import (
	"context"
	"testing"
	"time"
)

const (
	// SagaTimeout is how long a saga may take on a machine that many tests share. It is no measurement.
	SagaTimeout = 30 * time.Second
	// OutageTimeout is how long the system may take to be itself again after an outage.
	OutageTimeout = 60 * time.Second
	// LiveTimeout is how soon a change has to be seen: sooner than the gateway looks by itself whether it missed one (15 s), so
	// that a change that nobody announced is found out.
	LiveTimeout = 10 * time.Second
)

// Must returns the value of a call that has to succeed.
func Must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// Eventually waits with SagaTimeout until check succeeds; what says what has to become true.
func Eventually(t testing.TB, what string, check func(context.Context) error) {
	t.Helper()
	EventuallyWithin(t, SagaTimeout, what, check)
}

// EventuallyWithin waits so long until check succeeds.
func EventuallyWithin(t testing.TB, within time.Duration, what string, check func(context.Context) error) {
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
			t.Fatalf("after %v still not: %s: %v", within, what, err)
		case <-time.After(pause):
		}
	}
}

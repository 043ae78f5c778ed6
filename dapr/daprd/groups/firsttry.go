package groups

import (
	"context"
	"sync/atomic"
)

type firstTryKey struct{}

// WithFirstTry allows the first delivery in ctx to be grouped. A retry is never grouped, so that an event that fails again and again does not
// hold up others.
func WithFirstTry(ctx context.Context) context.Context {
	return context.WithValue(ctx, firstTryKey{}, new(atomic.Bool))
}

// IsFirstTry reports whether this is the first delivery in ctx, and makes the next one a retry.
func IsFirstTry(ctx context.Context) bool {
	tried, ok := ctx.Value(firstTryKey{}).(*atomic.Bool)
	return ok && !tried.Swap(true)
}

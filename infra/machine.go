package infra

import (
	"context"
	"strings"
	"time"
)

// pollInterval is the time between two attempts to reach a starting server.
const pollInterval = 100 * time.Millisecond

// pause waits for d. It returns false when ctx is done.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// joinLastLines joins the last n non-empty lines of text into one.
func joinLastLines(text string, n int) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}

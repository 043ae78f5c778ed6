package infra

import (
	"context"
	"strings"
	"time"
)

// pollInterval is how often a server that does not answer yet is asked again.
const pollInterval = 100 * time.Millisecond

// pause waits, and says whether the context still runs.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// lastLines joins the last n lines that say something into one.
func lastLines(text string, n int) string {
	lines := strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}

package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// muteTime is how long a program's further warnings are only counted after one has been shown.
	muteTime = 15 * time.Second
	// maxLineLength is the number of characters to which a printed log line is cut.
	maxLineLength = 200
)

// reporter shows a program's first warning or error on the terminal, and after muteTime the number of further ones.
type reporter struct {
	console *console
	program string
	file    string // the path of the program's log
	// showWarnings is set when the program's pair is ready. Earlier warnings are about parts that were still starting; they
	// are shown only if the program dies.
	showWarnings atomic.Bool

	mu         sync.Mutex
	mutedUntil time.Time
	muted      int // the number of warnings that were not shown
}

// handleLine shows or counts a line of the program's log if it is a warning that may be shown. A verbose console shows every line.
func (r *reporter) handleLine(text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	if r.console.verbose {
		r.console.printLine(r.program, "%s", text)
		return
	}
	warning, found := findWarning(text)
	if !found || !r.showWarnings.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.console.now(); now.Before(r.mutedUntil) {
		r.muted++
	} else {
		r.mutedUntil = now.Add(muteTime)
		r.console.printLine(r.program, "%s", warning)
	}
}

// reportMuted prints the number of muted warnings when muteTime is over.
func (r *reporter) reportMuted() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.console.now()
	if r.muted == 0 || now.Before(r.mutedUntil) {
		return
	}
	r.console.printLine(r.program, "%d more warnings and errors (%s)", r.muted, r.file)
	r.muted, r.mutedUntil = 0, now.Add(muteTime)
}

// startReporting prints the numbers of muted warnings until ctx ends.
func (l *launcher) startReporting(ctx context.Context) {
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				for _, r := range l.reporters {
					r.reportMuted()
				}
			}
		}
	}()
}

// deprecation begins a sidecar's warnings about deprecated calls of the Go SDK. A person at this terminal can do nothing about
// them.
const deprecation = "[DEPRECATION NOTICE]"

// isEndOfRegistration reports whether message only says that a sidecar's registration for name resolution ends, because the sidecar stops.
func isEndOfRegistration(message string) bool {
	return strings.HasPrefix(message, "Failed to update host registration") && strings.Contains(message, "context canceled")
}

// findWarning returns the warning or error in a log line of a service or sidecar, shortened. Both log JSON.
func findWarning(text string) (string, bool) {
	if strings.HasPrefix(text, "panic:") || strings.HasPrefix(text, "fatal error:") {
		return shorten(text), true
	}
	var entry struct {
		Level string `json:"level"`
		Msg   string `json:"msg"`
		Err   string `json:"error"`
	}
	if json.Unmarshal([]byte(text), &entry) != nil || strings.HasPrefix(entry.Msg, deprecation) || isEndOfRegistration(entry.Msg) {
		return "", false
	}
	level := strings.TrimSuffix(strings.ToLower(entry.Level), "ing") // services say WARN, sidecars warning
	if !slices.Contains([]string{"warn", "error", "fatal"}, level) {
		return "", false
	}
	if entry.Err != "" {
		entry.Msg += ": " + entry.Err
	}
	return level + ": " + shorten(entry.Msg), true
}

// shorten cuts text to maxLineLength.
func shorten(text string) string {
	if runes := []rune(text); len(runes) > maxLineLength {
		return string(runes[:maxLineLength-1]) + "…"
	}
	return text
}

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
	// quiet is how long a part that complained is not heard again; what it
	// says in the meantime is counted.
	quiet = 15 * time.Second
	// lineWidth keeps a complaint on one line of a usual terminal, nearly.
	lineWidth = 200
)

// reporter decides what of a part's log a person should see: the first warning
// or error, and then how many there were.
type reporter struct {
	console *console
	who     string
	file    string
	// calm is set once the part's app was ready: what it says before that is
	// about parts that were still starting. A death shows it all the same.
	calm    atomic.Bool
	mu      sync.Mutex
	silent  time.Time
	counted int
}

func (r *reporter) line(text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	if r.console.verbose {
		r.console.say(r.who, "%s", text)
		return
	}
	complaint, found := complaintIn(text)
	if !found || !r.calm.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.console.now(); now.Before(r.silent) {
		r.counted++
	} else {
		r.silent = now.Add(quiet)
		r.console.say(r.who, "%s", complaint)
	}
}

// tick says what was held back, once the time is over.
func (r *reporter) tick() {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.console.now()
	if r.counted == 0 || now.Before(r.silent) {
		return
	}
	r.console.say(r.who, "%d more warnings and errors (%s)", r.counted, r.file)
	r.counted, r.silent = 0, now.Add(quiet)
}

// startReporting shows, until ctx is done, how many warnings were held back.
func (l *launcher) startReporting(ctx context.Context) {
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				for _, r := range l.reports {
					r.tick()
				}
			}
		}
	}()
}

// deprecation begins what a sidecar says of calls that the Go SDK makes for
// us: nothing a person at this terminal could do about.
const deprecation = "[DEPRECATION NOTICE]"

// complaintIn finds a warning or an error in a line of a service or a sidecar, both of which log JSON, and shortens it.
func complaintIn(text string) (string, bool) {
	if strings.HasPrefix(text, "panic:") || strings.HasPrefix(text, "fatal error:") {
		return shorten(text), true
	}
	var entry struct {
		Level string `json:"level"`
		Msg   string `json:"msg"`
		Err   string `json:"error"`
	}
	if json.Unmarshal([]byte(text), &entry) != nil || strings.HasPrefix(entry.Msg, deprecation) {
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

func shorten(text string) string {
	if runes := []rune(text); len(runes) > lineWidth {
		return string(runes[:lineWidth-1]) + "…"
	}
	return text
}

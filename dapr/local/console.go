package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"
)

// console is what the person at the terminal reads: one line for each change
// of state. All else is in the log files, or here too when verbose.
type console struct {
	mu      sync.Mutex
	out     io.Writer
	verbose bool
	now     func() time.Time
}

func newConsole(out io.Writer, verbose bool) *console {
	return &console{out: out, verbose: verbose, now: time.Now}
}

// say prints a line about one part.
func (c *console) say(who, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = fmt.Fprintf(c.out, "%s  %-15s  %s\n", c.now().Format(time.TimeOnly), who, fmt.Sprintf(format, args...))
}

// text prints as it is.
func (c *console) text(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = io.WriteString(c.out, text)
}

// writer turns what a program writes into lines of the console.
func (c *console) writer(who string) *lineWriter {
	return &lineWriter{line: func(line string) { c.say(who, "%s", line) }}
}

// lineWriter hands over whole lines.
type lineWriter struct {
	mu   sync.Mutex
	line func(string)
	rest []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, p...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		if len(bytes.TrimSpace(line)) > 0 {
			w.line(string(bytes.TrimRight(line, "\r ")))
		}
		w.rest = append([]byte(nil), rest...)
	}
}

// flush hands over what had no line's end.
func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(bytes.TrimSpace(w.rest)) > 0 {
		w.line(string(w.rest))
	}
	w.rest = nil
}

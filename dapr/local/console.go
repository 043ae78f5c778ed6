package main

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"time"
)

// console prints one line to the terminal for each change of state. Everything else is in the log files; with verbose it is
// printed here too.
type console struct {
	mu      sync.Mutex
	out     io.Writer
	verbose bool
	now     func() time.Time
}

func newConsole(out io.Writer, verbose bool) *console {
	return &console{out: out, verbose: verbose, now: time.Now}
}

// printLine prints a line about one part of the system.
func (c *console) printLine(part, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = fmt.Fprintf(c.out, "%s  %-15s  %s\n", c.now().Format(time.TimeOnly), part, fmt.Sprintf(format, args...))
}

// printText prints text unchanged.
func (c *console) printText(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = io.WriteString(c.out, text)
}

// writer returns a writer that prints each line of a part's output.
func (c *console) writer(part string) *lineWriter {
	return &lineWriter{handleLine: func(line string) { c.printLine(part, "%s", line) }}
}

// lineWriter calls handleLine for each whole line that is not blank.
type lineWriter struct {
	handleLine func(string)

	mu   sync.Mutex
	rest []byte // an incomplete line
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
			w.handleLine(string(bytes.TrimRight(line, "\r ")))
		}
		w.rest = append([]byte(nil), rest...)
	}
}

// flush handles a last line that has no line break.
func (w *lineWriter) flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(bytes.TrimSpace(w.rest)) > 0 {
		w.handleLine(string(w.rest))
	}
	w.rest = nil
}

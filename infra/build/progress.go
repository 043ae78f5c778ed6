package build

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

// reportEvery is the time between two progress reports.
const reportEvery = 5 * time.Second

// packageCounter counts the packages that `go build -v` prints, one on each line, and reports the number every reportEvery. It
// passes all other lines on at once.
type packageCounter struct {
	name       string // of the build
	out        io.Writer
	started    time.Time
	lastReport time.Time
	packages   int
	rest       []byte // an incomplete line
}

func newPackageCounter(name string, out io.Writer) *packageCounter {
	now := time.Now()
	return &packageCounter{name: name, out: out, started: now, lastReport: now}
}

func (c *packageCounter) Write(p []byte) (int, error) {
	c.rest = append(c.rest, p...)
	for {
		line, rest, found := bytes.Cut(c.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		c.rest = append([]byte(nil), rest...)
		if err := c.handleLine(string(line)); err != nil {
			return 0, err
		}
	}
}

func (c *packageCounter) handleLine(text string) error {
	if text == "" || strings.ContainsAny(text, " :#\t") {
		_, err := fmt.Fprintln(c.out, text)
		return err
	}
	c.packages++
	if now := time.Now(); now.Sub(c.lastReport) >= reportEvery {
		c.lastReport = now
		_, err := fmt.Fprintf(c.out, "%s: %d packages (%s)\n", c.name, c.packages, now.Sub(c.started).Round(time.Second))
		return err
	}
	return nil
}

package build

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

// reportEvery is how often a build says how far it is: often enough to be
// trusted, seldom enough to be calm.
const reportEvery = 5 * time.Second

// counter reads what `go build -v` prints, one line for each package that it
// compiles, and tells the number now and then; all else it hands on at once.
type counter struct {
	what     string
	out      io.Writer
	started  time.Time
	last     time.Time
	packages int
	rest     []byte
}

func count(what string, out io.Writer) *counter {
	now := time.Now()
	return &counter{what: what, out: out, started: now, last: now}
}

func (c *counter) Write(p []byte) (int, error) {
	c.rest = append(c.rest, p...)
	for {
		line, rest, found := bytes.Cut(c.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		c.rest = append([]byte(nil), rest...)
		if err := c.line(string(line)); err != nil {
			return 0, err
		}
	}
}

func (c *counter) line(text string) error {
	if text == "" || strings.ContainsAny(text, " :#\t") {
		_, err := fmt.Fprintln(c.out, text)
		return err
	}
	c.packages++
	if now := time.Now(); now.Sub(c.last) >= reportEvery {
		c.last = now
		_, err := fmt.Fprintf(c.out, "%s: %d packages (%s)\n", c.what, c.packages, now.Sub(c.started).Round(time.Second))
		return err
	}
	return nil
}

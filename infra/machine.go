package infra

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Ports are taken from below those that Linux gives to outgoing connections: a server that was killed has to find its own
// free again, while others try to connect to it.
const (
	firstPort = 12_000
	lastPort  = 32_000
)

// givenPorts are not given twice: whoever asked may listen only some time after.
var givenPorts sync.Map

// freePort finds a port that nobody listens on.
func freePort() (int, error) {
	for range 200 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			continue
		}
		_ = listener.Close()
		if _, given := givenPorts.LoadOrStore(port, true); !given {
			return port, nil
		}
	}
	return 0, errors.New("no free port found")
}

// answerInterval is how often a server that does not answer yet is asked again.
const answerInterval = 100 * time.Millisecond

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

func lastLinesOf(path string, n int) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	return lastLines(string(text), n)
}

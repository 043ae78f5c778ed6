// Package await lets a request wait for an aggregate to change (RFC 7240's Prefer: wait=N), without holding a database
// connection meanwhile. A change made by this process wakes the waiting at once; one made by another replica is found by
// looking again, soon at first and then ever more seldom.
package await

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
)

// MaxWait is the longest a request may wait.
const MaxWait = 30 * time.Second

// How often to look for what another replica changed.
const (
	firstLook = 25 * time.Millisecond // the saga takes about as long
	lastLook  = time.Second
)

var preference = regexp.MustCompile(`(?i)(?:^|[,;\s])wait\s*=\s*"?([^",;\s]*)"?`)

// Wait reads how long r prefers to wait: 0 when it does not say. More than MaxWait, or no whole number, is Malformed.
func Wait(r *http.Request) (time.Duration, error) {
	for _, value := range r.Header.Values("Prefer") {
		found := preference.FindStringSubmatch(value)
		if found == nil {
			continue
		}
		seconds, err := strconv.Atoi(found[1])
		if err != nil || seconds < 0 || seconds > int(MaxWait/time.Second) {
			return 0, fault.Malformed("Prefer: wait has to be a whole number from 0 to %d", int(MaxWait/time.Second))
		}
		wait := time.Duration(seconds) * time.Second
		telemetry.SetAgreedWait(r.Context(), wait)
		return wait, nil
	}
	return 0, nil
}

// Changes tells those who wait for an id that it changed. The zero value is ready.
type Changes struct {
	mu      sync.Mutex
	waiting map[string]chan struct{}
	count   map[string]int
}

// Tell wakes whoever waits for id.
func (c *Changes) Tell(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if changed, ok := c.waiting[id]; ok {
		close(changed)
		c.waiting[id] = make(chan struct{})
	}
}

func (c *Changes) join(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		c.waiting, c.count = map[string]chan struct{}{}, map[string]int{}
	}
	if c.count[id]++; c.count[id] == 1 {
		c.waiting[id] = make(chan struct{})
	}
}

func (c *Changes) leave(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count[id]--; c.count[id] == 0 {
		delete(c.count, id)
		delete(c.waiting, id)
	}
}

func (c *Changes) changed(id string) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting[id]
}

// Until looks at id until it is settled, wait is over, or ctx is done, and returns what it saw last; when the wait is over
// it looks once more. Look says what is there and whether it is settled; each look has the time of an ordinary request, so
// that a dependency that hangs becomes a 503 in time, however long the client would wait.
func Until[T any](ctx context.Context, c *Changes, id string, wait time.Duration, look func(context.Context) (T, bool, error)) (T, error) {
	if wait > 0 {
		c.join(id)
		defer c.leave(id)
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	pause, last := firstLook, wait <= 0
	for {
		changed := c.changed(id) // before the look, so that a change between look and wait is not missed
		seen, settled, err := once(ctx, look)
		if err != nil || settled || last {
			return seen, err
		}
		again := time.NewTimer(pause)
		select {
		case <-changed:
		case <-again.C:
			pause = min(pause*2, lastLook)
		case <-over.C:
			last = true
		case <-ctx.Done():
			again.Stop()
			return seen, ctx.Err()
		}
		again.Stop()
	}
}

func once[T any](ctx context.Context, look func(context.Context) (T, bool, error)) (T, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, rest.RequestTimeout)
	defer cancel()
	return look(ctx)
}

// Package await lets a request wait for an aggregate to change (RFC 7240's Prefer: wait=N) without holding a database
// connection while it waits. A change made by this process wakes the request at once. A change made by another replica is
// found by polling, with an interval that doubles from 25 ms to 1 s.
package await

import (
	"context"
	"sync"
	"time"

	"comanda/services/internal/rest"
)

// MaxWait is the longest a request may wait.
const MaxWait = 30 * time.Second

// The shortest and the longest interval of polling for changes made by other replicas.
const (
	firstInterval = 25 * time.Millisecond // about the duration of a saga
	maxInterval   = time.Second
)

// Changes wakes the requests that wait for an id in this process. The zero value is ready to use.
type Changes struct {
	mu      sync.Mutex
	waiting map[string]chan struct{} // closed and replaced at each change
	count   map[string]int           // waiting requests by id
}

// Tell wakes every request that waits for id.
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

// Until calls look until it reports that id is settled, wait has passed, the service stops, or ctx is done, and returns the last
// value. When wait has passed, or the service stops, it looks once more. Each look is limited to rest.RequestTimeout, so a
// dependency that hangs results in a 503 after that time and not after the client's wait.
func Until[T any](
	ctx context.Context, c *Changes, id string, wait time.Duration, look func(context.Context) (T, bool, error),
) (T, error) {
	if wait > 0 {
		c.join(id)
		defer c.leave(id)
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	interval, last := firstInterval, wait <= 0
	for {
		changed := c.changed(id) // before the look, so that a change during the look is not missed
		value, settled, err := lookWithin(ctx, look)
		if err != nil || settled || last {
			return value, err
		}
		poll := time.NewTimer(interval)
		select {
		case <-changed:
		case <-poll.C:
			interval = min(interval*2, maxInterval)
		case <-deadline.C:
			last = true
		case <-rest.Stopping(ctx): // a client that waits gets the present value before its connection closes
			last = true
		case <-ctx.Done():
			poll.Stop()
			return value, ctx.Err()
		}
		poll.Stop()
	}
}

func lookWithin[T any](ctx context.Context, look func(context.Context) (T, bool, error)) (T, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, rest.RequestTimeout)
	defer cancel()
	return look(ctx)
}

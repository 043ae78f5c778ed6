// Package await lets a request wait for an aggregate to change (RFC 7240's Prefer: wait=N) without holding a database
// connection while it waits. A change made by this process wakes the request at once. A change made by another replica is
// found by one query for all requests that wait in this process.
package await

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"comanda/services/internal/rest"
)

// MaxWait is the longest a request may wait.
const MaxWait = 30 * time.Second

// The query for changes made by other replicas.
const (
	pollInterval = 50 * time.Millisecond // about the duration of two sagas
	pollTimeout  = time.Second
	pauseFactor  = 3 // the pause is at least 3 times as long as the last query took, so the queries take at most a quarter of the time
)

// Changes wakes the requests that wait for an id in this process. The zero value is ready to use where there are no other replicas.
type Changes struct {
	// Settled returns which of the ids need not be waited for any more. It is called while requests wait.
	Settled func(ctx context.Context, ids []string) ([]string, error)

	mu      sync.Mutex
	waiting map[string]chan struct{} // by id; closed and replaced at each change
	count   map[string]int           // waiting requests by id
	polling bool
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

// join adds a request that waits for id, and starts poll unless it runs.
func (c *Changes) join(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == nil {
		c.waiting, c.count = map[string]chan struct{}{}, map[string]int{}
	}
	if c.count[id]++; c.count[id] == 1 {
		c.waiting[id] = make(chan struct{})
	}
	if c.Settled != nil && !c.polling {
		c.polling = true
		go c.poll()
	}
}

// poll asks which ids other replicas have settled, and wakes their requests, until no request waits. If the query fails, the requests
// wait for the next query. Each request also looks by itself at the end of its own wait.
func (c *Changes) poll() {
	for interval := pollInterval; ; {
		time.Sleep(interval)
		ids := c.ids()
		if ids == nil {
			return
		}
		begun := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), pollTimeout)
		settled, _ := c.Settled(ctx, ids)
		cancel()
		interval = max(pollInterval, pauseFactor*time.Since(begun))
		for _, id := range settled {
			c.Tell(id)
		}
	}
}

// ids returns the ids that requests wait for. Without any it returns nil and ends the polling.
func (c *Changes) ids() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.polling = len(c.count) > 0
	return slices.Collect(maps.Keys(c.count))
}

// leave removes a request that has waited for id.
func (c *Changes) leave(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count[id]--; c.count[id] == 0 {
		delete(c.count, id)
		delete(c.waiting, id)
	}
}

// changed returns the channel that the next change of id closes. It is nil if no request waits for id.
func (c *Changes) changed(id string) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.waiting[id]
}

// Until calls look at once, and again after each change of id, until look reports that id is settled, or fails, and returns the last value.
// When wait has passed, or the service stops, it looks once more and then returns. It also ends when ctx is done. Each look is
// limited to rest.RequestTimeout, so a dependency that hangs results in a 503 after that time and not after the client's wait.
func Until[T any](
	ctx context.Context, c *Changes, id string, wait time.Duration, look func(context.Context) (T, bool, error),
) (T, error) {
	if wait > 0 {
		c.join(id)
		defer c.leave(id)
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	last := wait <= 0
	for {
		changed := c.changed(id) // before the look, so that a change during the look is not missed
		value, settled, err := lookWithin(ctx, look)
		if err != nil || settled || last {
			return value, err
		}
		select {
		case <-changed:
		case <-deadline.C:
			last = true
		case <-rest.Stopping(ctx): // a client that waits gets the present value before its connection closes
			last = true
		case <-ctx.Done():
			return value, ctx.Err()
		}
	}
}

func lookWithin[T any](ctx context.Context, look func(context.Context) (T, bool, error)) (T, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, rest.RequestTimeout)
	defer cancel()
	return look(ctx)
}

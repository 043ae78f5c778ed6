// Package group runs calls that are made at the same time together, as databases do with commits (group commit): while one run is under way,
// the next calls gather, and the next run takes them all. A call without others is not delayed.
package group

import (
	"context"
	"sync"
	"sync/atomic"
)

// Calls groups calls that each have an argument In and a result Out.
type Calls[In, Out any] struct {
	most int
	run  func(ctx context.Context, args []In) ([]Out, error)

	mu      sync.Mutex
	waiting []*call[In, Out]
	running bool
}

// call is a call that waits for its result.
type call[In, Out any] struct {
	ctx  context.Context
	arg  In
	out  Out
	err  error
	done chan struct{} // closed when out and err are set
}

// New returns Calls that call run with up to most arguments. run returns a result for each argument, or an error. After an error of a run with
// several arguments each of them has a run of its own, so no call fails because of another. The context of a run ends when no caller waits
// for it any more.
func New[In, Out any](most int, run func(ctx context.Context, args []In) ([]Out, error)) *Calls[In, Out] {
	return &Calls[In, Out]{most: most, run: run}
}

// Do returns the result for arg. If ctx ends first, it returns the context's error; arg may then be in a run all the same.
func (c *Calls[In, Out]) Do(ctx context.Context, arg In) (Out, error) {
	mine := &call[In, Out]{ctx: ctx, arg: arg, done: make(chan struct{})}
	c.mu.Lock()
	c.waiting = append(c.waiting, mine)
	if !c.running {
		c.running = true
		go c.runAll()
	}
	c.mu.Unlock()
	select {
	case <-mine.done:
		return mine.out, mine.err
	case <-ctx.Done():
		var none Out
		return none, ctx.Err()
	}
}

// runAll runs the waiting calls until none is left.
func (c *Calls[In, Out]) runAll() {
	for {
		group := c.next()
		if len(group) == 0 {
			return
		}
		c.runGroup(group)
	}
}

// next takes the calls of the next run. Without any it ends the running.
func (c *Calls[In, Out]) next() []*call[In, Out] {
	c.mu.Lock()
	defer c.mu.Unlock()
	var group []*call[In, Out]
	taken := 0
	for _, waiting := range c.waiting {
		if len(group) == c.most {
			break
		}
		taken++
		if waiting.ctx.Err() == nil { // otherwise its caller is gone
			group = append(group, waiting)
		}
	}
	c.waiting = append([]*call[In, Out](nil), c.waiting[taken:]...)
	c.running = len(group) > 0
	return group
}

// runGroup runs a group.
func (c *Calls[In, Out]) runGroup(group []*call[In, Out]) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(group[0].ctx))
	defer cancel()
	var left atomic.Int64
	left.Store(int64(len(group)))
	args := make([]In, 0, len(group))
	for _, waiting := range group {
		args = append(args, waiting.arg)
		defer context.AfterFunc(waiting.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		})()
	}
	outs, err := c.run(ctx, args)
	if err != nil && len(group) > 1 {
		c.runEachAlone(group)
		return
	}
	for i, waiting := range group {
		if waiting.err = err; err == nil {
			waiting.out = outs[i]
		}
		close(waiting.done)
	}
}

// runEachAlone gives each call of a group that failed a run of its own.
func (c *Calls[In, Out]) runEachAlone(group []*call[In, Out]) {
	var all sync.WaitGroup
	for _, waiting := range group {
		all.Go(func() { c.runGroup([]*call[In, Out]{waiting}) })
	}
	all.Wait()
}

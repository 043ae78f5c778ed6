// Package batch runs calls that are made at the same time together, as databases do with commits (group commit): while one run is under way,
// the next calls gather, and the next run takes them all. A call without others is not delayed.
package batch

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Most is the number of arguments of a run that services use.
const Most = 32

// patience is how long calls gather at most. A run that takes longer is stuck, for example behind a lock, and others must not wait for it.
const patience = 100 * time.Millisecond

// Calls joins calls that each have an argument In and a result Out.
type Calls[In, Out any] struct {
	most int
	run  func(ctx context.Context, args []In) ([]Out, error)

	mu      sync.Mutex
	waiting []*call[In, Out]
	busy    bool // the waiting calls gather, because the latest run is under way
	latest  int  // number of the latest run
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
// several arguments each of them has a run of its own, so no call fails because of another: run must be safe to repeat after an error, also
// after one that does not say whether the run had an effect. A panic of run counts as an error, with which Do panics.
//
// The context of a run has the values of its first call, such as the trace, which run may only read. It ends when no caller waits for the run
// any more.
func New[In, Out any](most int, run func(ctx context.Context, args []In) ([]Out, error)) *Calls[In, Out] {
	return &Calls[In, Out]{most: most, run: run}
}

// Do returns the result for arg. If ctx ends first, it returns the context's error; arg may then be in a run all the same.
func (c *Calls[In, Out]) Do(ctx context.Context, arg In) (Out, error) {
	mine := &call[In, Out]{ctx: ctx, arg: arg, done: make(chan struct{})}
	c.mu.Lock()
	c.waiting = append(c.waiting, mine)
	c.begin()
	c.mu.Unlock()
	select {
	case <-mine.done:
		if caught, ok := mine.err.(*panicked); ok {
			panic(caught)
		}
		return mine.out, mine.err
	case <-ctx.Done():
		var none Out
		return none, ctx.Err()
	}
}

// begin begins a run of the waiting calls, unless they are to gather. The caller holds c.mu.
func (c *Calls[In, Out]) begin() {
	if c.busy {
		return
	}
	group := c.take()
	if len(group) == 0 {
		return
	}
	c.latest++
	c.busy = true
	number := c.latest
	timer := time.AfterFunc(patience, func() { c.endGathering(number) })
	go func() {
		c.runGroup(group)
		timer.Stop()
		c.endGathering(number)
	}()
}

// endGathering begins the run of the calls that gathered during a run.
func (c *Calls[In, Out]) endGathering(number int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.busy && c.latest == number {
		c.busy = false
		c.begin()
	}
}

// take removes the calls of the next run from the waiting calls. It forgets those whose callers are gone.
func (c *Calls[In, Out]) take() []*call[In, Out] {
	var group []*call[In, Out]
	taken := 0
	for _, waiting := range c.waiting {
		if len(group) == c.most {
			break
		}
		taken++
		if waiting.ctx.Err() == nil {
			group = append(group, waiting)
		}
	}
	c.waiting = append([]*call[In, Out](nil), c.waiting[taken:]...)
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
	outs, err := c.tryRun(ctx, args)
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

// runEachAlone gives each call of a group that failed a run of its own, unless its caller is gone.
func (c *Calls[In, Out]) runEachAlone(group []*call[In, Out]) {
	var all sync.WaitGroup
	for _, waiting := range group {
		if waiting.ctx.Err() == nil {
			all.Go(func() { c.runGroup([]*call[In, Out]{waiting}) })
		}
	}
	all.Wait()
}

// tryRun calls run. It returns an error if run panics, or returns too few results.
func (c *Calls[In, Out]) tryRun(ctx context.Context, args []In) (outs []Out, err error) {
	defer func() {
		if caught := recover(); caught != nil {
			err = &panicked{caught, debug.Stack()}
		}
	}()
	outs, err = c.run(ctx, args)
	if err == nil && len(outs) != len(args) {
		err = fmt.Errorf("a run of %d calls had %d results", len(args), len(outs))
	}
	return outs, err
}

// panicked is the value with which run panicked, and the stack of the run.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprint(p.value) }

// LogValue shows a log the stack of the run, which is not the stack of the caller.
func (p *panicked) LogValue() slog.Value {
	return slog.StringValue(fmt.Sprintf("%v\n%s", p.value, p.stack))
}

package supervisor

import (
	"context"
	"sync"
	"time"
)

// Part is what a Supervisor keeps running: a Program, Postgres or the broker.
type Part interface {
	// Start starts the part, also after it has ended.
	Start(context.Context) error
	// Exited returns a channel that is closed when the part has ended. It is nil if the end cannot be observed, as for an external
	// server.
	Exited() <-chan struct{}
}

// Observer holds callbacks for deaths and restarts. They must not block for long.
type Observer struct {
	// Died is called when a part has ended by itself, before the wait and the restart. To prevent the restart, it may cancel the
	// context of Keep.
	Died func(name string, wait time.Duration)
	// Failed is called when a start failed. The next attempt begins when wait has passed.
	Failed func(name string, err error, wait time.Duration)
	// Restarted is called when a part has been restarted.
	Restarted func(name string)
}

// Supervisor restarts parts that die. The zero value with an Observer is ready to use.
type Supervisor struct {
	Observer Observer

	loops sync.WaitGroup // the goroutines of Keep
}

// The wait before a restart doubles from firstWait to longestWait. After a run of steadyTime it is firstWait again.
const (
	firstWait   = 100 * time.Millisecond
	longestWait = 5 * time.Second
	steadyTime  = 10 * time.Second
)

// Keep restarts a running part each time it ends, until ctx is done. It returns at once.
func (s *Supervisor) Keep(ctx context.Context, name string, part Part) {
	s.loops.Go(func() {
		wait := firstWait
		for started := time.Now(); s.awaitEnd(ctx, part); started = time.Now() {
			if time.Since(started) >= steadyTime {
				wait = firstWait
			}
			s.Observer.Died(name, wait)
			wait = s.restartPart(ctx, name, part, wait)
		}
	})
}

// Wait returns when the contexts of all Keep calls are done and no restart is in progress.
func (s *Supervisor) Wait() { s.loops.Wait() }

// awaitEnd waits for the part's end. It returns false when ctx is done.
func (s *Supervisor) awaitEnd(ctx context.Context, part Part) (ended bool) {
	select {
	case <-ctx.Done():
	case <-part.Exited():
	}
	return ctx.Err() == nil
}

// restartPart tries until the part runs again or ctx is done, and returns the wait before the next restart.
func (s *Supervisor) restartPart(ctx context.Context, name string, part Part, wait time.Duration) (next time.Duration) {
	for {
		select {
		case <-ctx.Done():
			return wait
		case <-time.After(wait):
		}
		wait = min(2*wait, longestWait)
		err := part.Start(ctx)
		if err == nil {
			s.Observer.Restarted(name)
			return wait
		}
		if ctx.Err() == nil {
			s.Observer.Failed(name, err, wait)
		}
	}
}

package supervisor

import (
	"context"
	"sync"
	"time"
)

// Part is what a Supervisor keeps running: a Program, Postgres or the broker.
type Part interface {
	// Start runs it, also again.
	Start(context.Context) error
	// Exited is closed when it has ended; nil when that cannot be seen, as with another machine's server.
	Exited() <-chan struct{}
}

// Observer is told what happens to the parts; its functions must not block for long.
type Observer struct {
	// Died is called when a part has ended by itself, before the wait and the restart. It may end the system instead, by
	// the context that Keep was given.
	Died func(name string, wait time.Duration)
	// Failed is called when a part could not be started; it will be tried again after wait.
	Failed func(name string, err error, wait time.Duration)
	// Restarted is called when a part runs again.
	Restarted func(name string)
}

// Supervisor starts again what dies. The zero value with an Observer is ready to use.
type Supervisor struct {
	Observer Observer

	all sync.WaitGroup
}

// The wait before a restart doubles from the first to the longest, and begins again at the first once a part ran steadily.
const (
	firstWait   = 100 * time.Millisecond
	longestWait = 5 * time.Second
	steady      = 10 * time.Second
)

// Keep starts a part, which already runs, again whenever it ends, until ctx is done.
func (s *Supervisor) Keep(ctx context.Context, name string, part Part) {
	s.all.Go(func() {
		wait := firstWait
		for started := time.Now(); s.awaitEnd(ctx, part); started = time.Now() {
			if time.Since(started) >= steady {
				wait = firstWait
			}
			s.Observer.Died(name, wait)
			wait = s.restart(ctx, name, part, wait)
		}
	})
}

// Wait returns when every Keep has returned.
func (s *Supervisor) Wait() { s.all.Wait() }

func (s *Supervisor) awaitEnd(ctx context.Context, part Part) (ended bool) {
	select {
	case <-ctx.Done():
	case <-part.Exited():
	}
	return ctx.Err() == nil
}

// restart tries until the part runs again, and returns the wait before the next restart.
func (s *Supervisor) restart(ctx context.Context, name string, part Part, wait time.Duration) (next time.Duration) {
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

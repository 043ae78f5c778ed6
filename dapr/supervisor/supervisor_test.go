package supervisor

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// flakyPart is a part that a test can end, and whose start can fail.
type flakyPart struct {
	exited   chan struct{}
	startErr error
}

func (f *flakyPart) Exited() <-chan struct{} { return f.exited }

func (f *flakyPart) Start(context.Context) error {
	if f.startErr == nil {
		f.exited = make(chan struct{})
	}
	return f.startErr
}

// Each quick death doubles the wait before the restart, up to its limit. After a steady run the wait is the first one again.
func TestKeepWaitsLongerAfterEachQuickDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		restarted := 0
		s := &Supervisor{Observer: Observer{
			Died:      func(_ string, wait time.Duration) { waits = append(waits, wait) },
			Failed:    func(string, error, time.Duration) { t.Error("Failed was called after a successful start") },
			Restarted: func(string) { restarted++ },
		}}
		ctx, cancel := context.WithCancel(t.Context())
		part := &flakyPart{exited: make(chan struct{})}
		s.Keep(ctx, "order", part)
		for range 8 {
			close(part.exited)
			time.Sleep(longestWait + time.Millisecond) // on the clock of synctest's bubble
			synctest.Wait()
		}
		time.Sleep(steadyTime)
		close(part.exited)
		time.Sleep(longestWait)
		synctest.Wait()
		want := []time.Duration{100, 200, 400, 800, 1600, 3200, 5000, 5000, 100}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if !slices.Equal(waits, want) || restarted != len(want) {
			t.Errorf("got the waits %v and %d restarts, want %v and %d", waits, restarted, want, len(want))
		}
		cancel()
		s.Wait()
	})
}

func TestKeepTriesUntilThePartStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed, restarted := 0, make(chan string, 1)
		s := &Supervisor{Observer: Observer{
			Died:      func(string, time.Duration) {},
			Failed:    func(string, error, time.Duration) { failed++ },
			Restarted: func(name string) { restarted <- name },
		}}
		ctx, cancel := context.WithCancel(t.Context())
		part := &flakyPart{exited: make(chan struct{}), startErr: errors.New("text file busy")}
		s.Keep(ctx, "order", part)
		close(part.exited)
		time.Sleep(time.Second)
		synctest.Wait()
		part.startErr = nil
		if name := <-restarted; name != "order" || failed < 2 {
			t.Errorf("got a restart of %s after %d failures, want order after at least 2", name, failed)
		}
		cancel()
		s.Wait()
	})
}

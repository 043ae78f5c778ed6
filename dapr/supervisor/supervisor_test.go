package supervisor

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// flaky is a part that ends when it is told to, and can refuse to start.
type flaky struct {
	exited chan struct{}
	refuse error
}

func (f *flaky) Exited() <-chan struct{} { return f.exited }

func (f *flaky) Start(context.Context) error {
	if f.refuse == nil {
		f.exited = make(chan struct{})
	}
	return f.refuse
}

// Each quick death doubles the wait before the restart up to its limit; a part that ran steadily is started at once again.
func TestKeepWaitsLongerAfterEachQuickDeath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		restarted := 0
		s := &Supervisor{Observer: Observer{
			Died:      func(_ string, wait time.Duration) { waits = append(waits, wait) },
			Failed:    func(string, error, time.Duration) { t.Error("it did start") },
			Restarted: func(string) { restarted++ },
		}}
		ctx, cancel := context.WithCancel(t.Context())
		part := &flaky{exited: make(chan struct{})}
		s.Keep(ctx, "order", part)
		for range 8 {
			close(part.exited)
			time.Sleep(longestWait + time.Millisecond) // on the bubble's clock
			synctest.Wait()
		}
		time.Sleep(steady)
		close(part.exited)
		time.Sleep(longestWait)
		synctest.Wait()
		want := []time.Duration{100, 200, 400, 800, 1600, 3200, 5000, 5000, 100}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if !slices.Equal(waits, want) || restarted != len(want) {
			t.Errorf("waits %v with %d restarts, want %v", waits, restarted, want)
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
		part := &flaky{exited: make(chan struct{}), refuse: errors.New("text file busy")}
		s.Keep(ctx, "order", part)
		close(part.exited)
		time.Sleep(time.Second)
		synctest.Wait()
		part.refuse = nil
		if name := <-restarted; name != "order" || failed < 2 {
			t.Errorf("%s was restarted after %d failures", name, failed)
		}
		cancel()
		s.Wait()
	})
}

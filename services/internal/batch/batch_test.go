package batch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"comanda/services/internal/batch"
)

// runner runs calls whose result is their argument, and keeps the arguments of each run. A test replaces its fields before the first call.
type runner struct {
	hold map[int]chan struct{}     // the run with such an argument waits for its channel, or for the end of its context
	fail func(args []int) error    // nil: no run fails
	ctxs map[int][]context.Context // of the runs with an argument

	mu   sync.Mutex
	runs [][]int
}

func (r *runner) run(ctx context.Context, args []int) ([]int, error) {
	r.mu.Lock()
	r.runs = append(r.runs, slices.Clone(args))
	for _, arg := range args {
		r.ctxs[arg] = append(r.ctxs[arg], ctx)
	}
	r.mu.Unlock()
	for _, arg := range args {
		if held := r.hold[arg]; held != nil {
			select {
			case <-held:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
	if r.fail != nil {
		if err := r.fail(args); err != nil {
			return nil, err
		}
	}
	return args, nil
}

func (r *runner) wantRuns(t *testing.T, want ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var got []string
	for _, args := range r.runs {
		got = append(got, fmt.Sprint(args))
	}
	if !slices.Equal(got, want) {
		t.Errorf("got the runs %v, want %v", got, want)
	}
}

// result is the result of a call.
type result struct {
	out    int
	err    error
	caught any
}

// test runs f in a bubble, with calls in groups of four.
func test(t *testing.T, f func(t *testing.T, r *runner, calls *batch.Calls[int, int])) {
	synctest.Test(t, func(t *testing.T) {
		r := &runner{hold: map[int]chan struct{}{}, ctxs: map[int][]context.Context{}}
		f(t, r, batch.New(4, r.run))
	})
}

// begin makes a call for each argument, one after the other, and returns their results, which come when the calls have ended.
func begin(ctx context.Context, calls *batch.Calls[int, int], args ...int) []chan result {
	var results []chan result
	for _, arg := range args {
		ended := make(chan result, 1)
		results = append(results, ended)
		go func() {
			var r result
			defer func() {
				r.caught = recover()
				ended <- r
			}()
			r.out, r.err = calls.Do(ctx, arg)
		}()
		synctest.Wait()
	}
	return results
}

func wantOuts(t *testing.T, results []chan result, want ...int) {
	t.Helper()
	for i, ended := range results {
		if got := <-ended; got != (result{out: want[i]}) {
			t.Errorf("call %d: got %+v, want %d", i, got, want[i])
		}
	}
}

func TestACallWithoutOthersRunsAtOnce(t *testing.T) {
	test(t, func(t *testing.T, r *runner, calls *batch.Calls[int, int]) {
		start := time.Now()
		wantOuts(t, begin(t.Context(), calls, 1), 1)
		wantOuts(t, begin(t.Context(), calls, 2), 2)
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the calls waited %v, want 0", waited)
		}
		r.wantRuns(t, "[1]", "[2]")
	})
}

func TestCallsGatherDuringARun(t *testing.T) {
	test(t, func(t *testing.T, r *runner, calls *batch.Calls[int, int]) {
		r.hold[1] = make(chan struct{})
		results := begin(t.Context(), calls, 1, 2, 3, 4, 5, 6)
		r.wantRuns(t, "[1]")
		close(r.hold[1])
		wantOuts(t, results, 1, 2, 3, 4, 5, 6)
		r.wantRuns(t, "[1]", "[2 3 4 5]", "[6]")
	})
}

// A run that is stuck, for example behind a lock of the database, does not hold up the others.
func TestAStuckRunDelaysOthersBriefly(t *testing.T) {
	test(t, func(t *testing.T, r *runner, calls *batch.Calls[int, int]) {
		start := time.Now()
		r.hold[1] = make(chan struct{})
		stuck := begin(t.Context(), calls, 1)
		wantOuts(t, begin(t.Context(), calls, 2, 3), 2, 3)
		if waited := time.Since(start); waited > 100*time.Millisecond {
			t.Errorf("the others waited %v, want at most 100ms", waited)
		}
		wantOuts(t, begin(t.Context(), calls, 4), 4)
		if waited := time.Since(start); waited > 100*time.Millisecond {
			t.Errorf("a later call waited behind the stuck one")
		}
		close(r.hold[1])
		wantOuts(t, stuck, 1)
		r.wantRuns(t, "[1]", "[2 3]", "[4]")
	})
}

// The end of a run that was stuck does not end the gathering during another.
func TestTheEndOfAStuckRunStartsNoOther(t *testing.T) {
	test(t, func(t *testing.T, r *runner, calls *batch.Calls[int, int]) {
		r.hold[1], r.hold[2] = make(chan struct{}), make(chan struct{})
		stuck := begin(t.Context(), calls, 1, 2)
		time.Sleep(101 * time.Millisecond) // of the bubble's clock: the second run begins
		others := begin(t.Context(), calls, 3)
		close(r.hold[1])
		wantOuts(t, stuck[:1], 1)
		others = append(others, begin(t.Context(), calls, 4)...)
		r.wantRuns(t, "[1]", "[2]")
		close(r.hold[2])
		wantOuts(t, append(stuck[1:], others...), 2, 3, 4)
		r.wantRuns(t, "[1]", "[2]", "[3 4]")
	})
}

func TestAfterAnErrorEachCallRunsAlone(t *testing.T) {
	test(t, func(t *testing.T, r *runner, calls *batch.Calls[int, int]) {
		r.hold[1] = make(chan struct{})
		r.fail = func(args []int) error {
			if slices.Contains(args, 3) {
				return errors.New("three")
			}
			return nil
		}
		results := begin(t.Context(), calls, 1, 2, 3, 4)
		close(r.hold[1])
		wantOuts(t, []chan result{results[0], results[1], results[3]}, 1, 2, 4)
		if got := <-results[2]; got.err == nil || got.err.Error() != "three" {
			t.Errorf("the call that fails: got %+v, want its error", got)
		}
		slices.SortFunc(r.runs[2:], slices.Compare) // those runs are concurrent
		r.wantRuns(t, "[1]", "[2 3 4]", "[2]", "[3]", "[4]")
	})
}

func TestAPanicReachesItsCallerOnly(t *testing.T) {
	test(t, func(t *testing.T, r *runner, calls *batch.Calls[int, int]) {
		r.hold[1] = make(chan struct{})
		r.fail = func(args []int) error {
			if slices.Contains(args, 2) {
				panic("two")
			}
			return nil
		}
		results := begin(t.Context(), calls, 1, 2, 3)
		close(r.hold[1])
		wantOuts(t, []chan result{results[0], results[2]}, 1, 3)
		got := <-results[1]
		if caught, ok := got.caught.(error); !ok || caught.Error() != "two" {
			t.Errorf("the call whose run panics: got %+v, want the panic", got)
		}
	})
}

func TestTooFewResultsAreAnError(t *testing.T) {
	calls := batch.New(4, func(context.Context, []int) ([]int, error) { return nil, nil })
	if _, err := calls.Do(t.Context(), 1); err == nil || !strings.Contains(err.Error(), "0 results") {
		t.Errorf("got %v, want an error that says how many results there are", err)
	}
}

type key struct{}

// A run ends only when no caller waits for it any more. Its context has the values of its first call, and no deadline of one.
func TestARunOutlivesACallerThatLeaves(t *testing.T) {
	test(t, func(t *testing.T, r *runner, calls *batch.Calls[int, int]) {
		r.hold[1], r.hold[3] = make(chan struct{}), make(chan struct{})
		begin(t.Context(), calls, 1)
		hasty, leave := context.WithTimeout(context.WithValue(t.Context(), key{}, "hasty"), time.Millisecond)
		defer leave()
		left := begin(hasty, calls, 2)
		patient, end := context.WithCancel(t.Context())
		defer end()
		stays := begin(patient, calls, 3)
		close(r.hold[1])
		if got := <-left[0]; !errors.Is(got.err, context.DeadlineExceeded) {
			t.Errorf("the caller that leaves: got %+v, want its deadline", got)
		}
		synctest.Wait()
		ctx := r.ctxs[3][0]
		if _, bounded := ctx.Deadline(); bounded || ctx.Err() != nil || ctx.Value(key{}) != "hasty" {
			t.Errorf("got the context %v (%v), want one with the first call's values that goes on", ctx, ctx.Err())
		}
		end()
		if got := <-stays[0]; !errors.Is(got.err, context.Canceled) {
			t.Errorf("the last caller: got %+v, want canceled", got)
		}
		synctest.Wait()
		if ctx.Err() == nil {
			t.Error("the run goes on although no caller waits for it")
		}
		r.wantRuns(t, "[1]", "[2 3]") // and none runs alone for a caller that is gone
	})
}

func TestACallerThatLeavesEarlyHasNoRun(t *testing.T) {
	test(t, func(t *testing.T, r *runner, calls *batch.Calls[int, int]) {
		r.hold[1] = make(chan struct{})
		first := begin(t.Context(), calls, 1)
		ctx, leave := context.WithCancel(t.Context())
		begin(ctx, calls, 2)
		rest := begin(t.Context(), calls, 3)
		leave()
		close(r.hold[1])
		wantOuts(t, append(first, rest...), 1, 3)
		wantOuts(t, begin(t.Context(), calls, 4), 4)
		r.wantRuns(t, "[1]", "[3]", "[4]")
	})
}

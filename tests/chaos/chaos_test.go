package chaos

import (
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
	"time"

	"comanda/infra"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// shortKinds are the kinds in `make test`. The others take half a minute to recover, or violate promises that the system does not keep
// yet (docs/reliability.md).
const shortKinds = "^(kill|cut|delay|swallow|freeze)"

// `make chaos` sets these for a long run.
var (
	seed      = flag.Uint64("seed", 0, "the seed of the faults; 0 chooses one")
	faults    = flag.Int("faults", 7, "the number of faults")
	only      = flag.String("kinds", shortKinds, "a regular expression: cause only faults of these kinds")
	limit     = flag.Duration("limit", 0, "the longest time until fresh orders are confirmed after a single fault; 0: none")
	frozen    = flag.Duration("frozen", 8*time.Second, "how long processes are frozen and connections swallow everything")
	disturbed = flag.Duration("disturbed", 5*time.Second, "how long other faults last")
	longest   = flag.Duration("for", time.Hour, "cause no further fault after this time")
)

// While customers order, the test breaks the system at random. Only the supervisor repairs it. No accepted order may be lost, doubled,
// oversold or stuck.
func TestPromisesAreKeptUnderFaults(t *testing.T) {
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("to replay these faults: -seed %d -faults %d", *seed, *faults)
	s, r := startScene(t)
	invariants, options, err := invariantsOf(s.sys)
	if err != nil {
		t.Fatal(err)
	}
	events, err := countEvents(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(events.pause)
	s.events = events
	people := scenario.New(t, s.sys.URL, s.sys.AdminEmail, s.sys.AdminPassword)
	l := startLoad(t.Context(), people, people.Dish(1_000_000, 700), people.Dish(5, 300), 4, 100*time.Millisecond)
	if err := l.confirmFresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = s.run(t.Context(), l, invariants, s.faults(t), r, t.Output())
	if err != nil {
		t.Error(err)
	}
	r.took = time.Since(r.began)
	if err := l.verdict(t.Context(), invariants); err != nil {
		t.Errorf("broken promises: %v", err)
	}
	if r.stockOperations, err = l.stock.check(); err != nil {
		t.Error(err)
	}
	r.add(l, events)
	r.write(t.Output())
	for kind, all := range r.recoveries {
		if longest := slowest(all).fresh; *limit > 0 && longest > *limit && kind != twoAtATime {
			t.Errorf("%s: fresh orders were confirmed after %v, want at most %v", kind, longest, *limit)
		}
	}
}

// startScene starts a system with two replicas of order and product, and a proxy in each connection.
func startScene(t *testing.T) (*scene, *report) {
	kind, err := infra.KindFromEnvironment(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	r := &report{seed: *seed, began: time.Now(), backing: string(kind), recoveries: map[string][]recovery{}}
	dir, err := os.MkdirTemp("", "comanda-")
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{network: newNetwork(), durations: durations{frozen: *frozen, disturbed: *disturbed, run: *longest}}
	t.Cleanup(s.network.close)
	if s.disk, err = mountDisk(filepath.Join(dir, "postgres")); err != nil {
		r.left = append(r.left, "Postgres' disk is full: "+err.Error())
	} else {
		t.Cleanup(func() { // after the system has stopped
			if err := s.disk.unmount(); err != nil {
				t.Error(err)
			}
			_ = os.RemoveAll(dir)
		})
	}
	s.sys = system.Start(t, system.Options{
		Supervised: true, Replicas: map[string]int{"order": 2, "product": 2}, Between: s.network.between, Dir: dir,
	})
	return s, r
}

// faults returns the sequence of the faults that the flags ask for.
func (s *scene) faults(t *testing.T) [][]fault {
	wanted, err := regexp.Compile(*only)
	if err != nil {
		t.Fatal(err)
	}
	kinds := slices.DeleteFunc(s.kinds(), func(k kind) bool { return !wanted.MatchString(k.name) })
	if len(kinds) == 0 {
		t.Fatalf("no kind of fault matches %q", *only)
	}
	return sequence(kinds, rand.New(rand.NewPCG(*seed, 0)), *faults)
}

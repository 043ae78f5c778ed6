package chaos

import (
	"errors"
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

// shortKinds are the kinds in `make test`. After the others, what was lost is reconciled for half a minute.
const shortKinds = "^(kill|cut|delay|swallow|freeze|Postgres)"

// `make chaos` sets these for a long run.
var (
	seed      = flag.Uint64("seed", 0, "the seed of the faults; 0 chooses one")
	faults    = flag.Int("faults", 7, "the number of faults")
	only      = flag.String("kinds", shortKinds, "a regular expression: cause only faults of these kinds")
	limit     = flag.Duration("limit", time.Minute, "the longest time until fresh orders are confirmed and waiting ones decided after a fault, twice for two; 0: none")
	frozen    = flag.Duration("frozen", 8*time.Second, "how long processes are frozen and connections swallow everything")
	disturbed = flag.Duration("disturbed", 5*time.Second, "how long other faults last")
	diskSize  = flag.String("disk", "1536m", "the size of the file system of Postgres, which takes memory when it is full")
	runFor    = flag.Duration("for", time.Hour, "cause no further fault after this time")
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
	s.load = l
	if err := l.confirmFresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	broken := s.run(t.Context(), l, invariants, s.faults(t), r, t.Output())
	r.took = time.Since(r.began)
	broken = errors.Join(broken, l.verdict(t.Context(), invariants))
	r.stockOperations, err = l.stock.check()
	broken = errors.Join(broken, err, r.add(t.Context(), l, events, invariants), r.tooSlow(*limit))
	r.write(t.Output())
	if r.faults == 0 {
		broken = errors.Join(broken, errors.New("no fault was caused"))
	}
	if broken != nil {
		t.Errorf("broken promises: %v\n%s", broken, l.stories(t, broken))
	}
}

// settings shorten what takes hours in production, so that a run sees its end.
var settings = map[string]string{
	"RECONCILE_AFTER": "10s", "RECONCILE_EVERY": "5s", "RECONCILE_UNKNOWN_AFTER": "15s", "RECOVERY_GIVE_UP": "90s",
}

// startScene starts a system with two replicas of order and product, and a proxy in each connection.
func startScene(t *testing.T) (*scene, *report) {
	kind, err := infra.KindFromEnvironment(os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	r := &report{seed: *seed, backing: string(kind), recoveries: map[string][]recovery{}}
	dir, err := os.MkdirTemp("", "comanda-")
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{network: newNetwork(), durations: durations{frozen: *frozen, disturbed: *disturbed, run: *runFor}}
	t.Cleanup(s.network.close)
	if s.disk, err = mountDisk(filepath.Join(dir, "postgres"), *diskSize); err != nil {
		r.notCaused = append(r.notCaused, "Postgres' disk is full: "+err.Error())
	} else {
		t.Cleanup(func() { // after the system has stopped
			if err := s.disk.unmount(); err != nil {
				t.Error(err)
			}
			_ = os.RemoveAll(dir)
		})
	}
	s.sys = system.Start(t, system.Options{
		Supervised: true, Replicas: map[string]int{"order": 2, "product": 2}, Between: s.network.between, Dir: dir, Settings: settings,
	})
	if err := s.enableRestores(dir); err != nil {
		r.notCaused = append(r.notCaused, err.Error())
	}
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

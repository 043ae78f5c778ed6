package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"comanda/dapr/supervisor"
	"comanda/tests/system"
)

// fault is one disturbance of a running system.
type fault struct {
	kind, target string
	begin        func(context.Context) error
	// lasts is the time between begin and end. A fault that only begins, such as a kill, lasts no time and has no end.
	lasts time.Duration
	end   func(context.Context) error
}

func (f fault) String() string { return f.kind + ": " + f.target }

// durations say how long faults last.
type durations struct {
	// frozen is longer than the time-outs of statements (5 s), of members of consumer groups (6 s) and of requests.
	frozen time.Duration
	// disturbed is the time for which a connection is delayed or cut, and for which Postgres refuses to write.
	disturbed time.Duration
	// run is the time after which no further fault begins.
	run time.Duration
}

// scene is the system under test, with the proxies and the disk through which faults reach it.
type scene struct {
	sys       *system.System
	network   *network
	durations durations
	disk      *disk // nil without the right to mount one
	events    *eventCount
}

// kind makes a random fault of one kind.
type kind struct {
	name string
	make func(*rand.Rand) fault
}

// kinds returns all kinds of faults that this machine can cause.
func (s *scene) kinds() []kind {
	kinds := []kind{
		{"kill a service", s.killProgram(false)}, {"kill a sidecar", s.killProgram(true)},
		{"kill Postgres", once("postgres", s.sys.Postgres.Kill)}, {"kill the broker", once("kafka", s.sys.Kafka.Kill)},
		{"freeze a service", s.freezeProgram(false)}, {"freeze a sidecar", s.freezeProgram(true)},
		{"freeze Postgres", s.freezeServer("postgres", s.sys.Postgres)}, {"freeze the broker", s.freezeServer("kafka", s.sys.Kafka)},
		{"Postgres refuses writes", s.readOnly}, {"the broker loses its data", once("kafka", s.loseBroker)},
	}
	for _, to := range []struct{ name, target string }{{"of a pair", ""}, {"to Postgres", "postgres"}, {"to the broker", "kafka"}} {
		links := s.network.to(to.target)
		kinds = append(kinds,
			kind{"delay a connection " + to.name, s.disturb(links, "latency", `{"latency":700,"jitter":500}`, s.durations.disturbed)},
			kind{"cut a connection " + to.name, s.disturb(links, "reset_peer", `{"timeout":0}`, s.durations.disturbed)},
			kind{"swallow a connection " + to.name, s.disturb(links, "timeout", `{"timeout":0}`, s.durations.frozen)})
	}
	if s.disk != nil {
		kinds = append(kinds, kind{"Postgres' disk is full", func(*rand.Rand) fault {
			return fault{target: "postgres", begin: s.disk.fill, lasts: s.durations.disturbed, end: s.disk.free}
		}})
	}
	return kinds
}

// twoAtATime is the kind of two faults that occur together.
const twoAtATime = "two at a time"

// sequence returns n faults in rounds. In each round every kind occurs once, in random order. Two faults at the same time are a kind of
// their own.
func sequence(kinds []kind, random *rand.Rand, n int) [][]fault {
	const two = -1
	var order []int
	var sequence [][]fault
	one := func(i int) fault {
		f := kinds[i].make(random)
		f.kind = kinds[i].name
		return f
	}
	for len(sequence) < n {
		if len(order) == 0 {
			order = append(random.Perm(len(kinds)), two)
			random.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		}
		next := []fault{}
		if order[0] == two && len(kinds) > 1 {
			pair := random.Perm(len(kinds))[:2]
			next = append(next, one(pair[0]), one(pair[1]))
		} else {
			next = append(next, one(max(order[0], 0)))
		}
		sequence, order = append(sequence, next), order[1:]
	}
	return sequence
}

// describe returns the kind of faults that occur together, and their targets.
func describe(together []fault) (kind, targets string) {
	if len(together) == 1 {
		return together[0].kind, together[0].target
	}
	var all []string
	for _, f := range together {
		all = append(all, f.String())
	}
	return twoAtATime, strings.Join(all, "; ")
}

// cause begins the faults at the same time, and returns when the last one has ended.
func cause(ctx context.Context, together []fault) error {
	errs := make([]error, len(together))
	var all sync.WaitGroup
	for i, f := range together {
		all.Go(func() { errs[i] = f.cause(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}

func (f fault) cause(ctx context.Context) error {
	err := f.begin(ctx)
	if err == nil && f.lasts > 0 {
		select {
		case <-ctx.Done():
		case <-time.After(f.lasts):
		}
	}
	if f.end != nil { // also after an error: no process stays frozen
		err = errors.Join(err, f.end(context.WithoutCancel(ctx)))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f, err)
	}
	return nil
}

// programs returns all sidecars, or all services.
func (s *scene) programs(sidecars bool) (found []*supervisor.Program) {
	for _, program := range s.sys.Programs() {
		if strings.HasSuffix(program.Name, "sidecar") == sidecars {
			found = append(found, program)
		}
	}
	return found
}

func pick[T any](random *rand.Rand, from []T) T { return from[random.IntN(len(from))] }

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
	"comanda/services"
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
	load      *load
	copies    string // the folder of the copies of databases; "" when this machine cannot make any
}

// kind makes a random fault of one kind.
type kind struct {
	name string
	make func(*rand.Rand) fault
	// alone is set for a kind that never occurs together with another. An operator restores a database when nothing else happens.
	alone bool
}

// kinds returns all kinds of faults that this machine can cause.
func (s *scene) kinds() []kind {
	kinds := []kind{
		{name: "kill a service", make: s.killProgram(false)}, {name: "kill a sidecar", make: s.killProgram(true)},
		{name: "kill Postgres", make: once("postgres", s.sys.Postgres.Kill)}, {name: "kill the broker", make: once("kafka", s.sys.Kafka.Kill)},
		{name: "freeze a service", make: s.freezeProgram(false)}, {name: "freeze a sidecar", make: s.freezeProgram(true)},
		{name: "freeze Postgres", make: s.freezeServer("postgres", s.sys.Postgres)},
		{name: "freeze the broker", make: s.freezeServer("kafka", s.sys.Kafka)},
		{name: "Postgres refuses writes", make: s.readOnly}, {name: "the broker loses its data", make: once("kafka", s.loseBroker)},
	}
	for _, to := range []struct{ name, from, target string }{
		{"of a pair", "of a pair", ""}, {"to Postgres", "from Postgres", "postgres"}, {"to the broker", "from the broker", "kafka"},
	} {
		links := s.network.to(to.target)
		kinds = append(kinds,
			kind{name: "delay a connection " + to.name,
				make: s.disturb(links, "latency", `{"latency":700,"jitter":500}`, s.durations.disturbed, upstream, downstream)},
			kind{name: "cut a connection " + to.name,
				make: s.disturb(links, "reset_peer", `{"timeout":0}`, s.durations.disturbed, upstream, downstream)},
			kind{name: "swallow a connection " + to.name,
				make: s.disturb(links, "timeout", `{"timeout":0}`, s.durations.frozen, upstream, downstream)},
			// What was sent takes effect, and its sender does not learn of it and sends it again.
			kind{name: "swallow the responses " + to.from,
				make: s.disturb(links, "timeout", `{"timeout":0}`, s.durations.frozen, downstream)})
	}
	if s.disk != nil {
		kinds = append(kinds, kind{name: "Postgres' disk is full", make: func(*rand.Rand) fault {
			return fault{target: "postgres", begin: s.disk.fill, lasts: s.durations.disturbed, end: s.disk.free}
		}})
	}
	if s.copies != "" {
		for _, service := range services.Stateful {
			kinds = append(kinds, kind{name: restoreKind + service, make: s.restoreDatabase(service), alone: true})
		}
	}
	return kinds
}

// twoAtATime is the kind of two faults that occur together.
const twoAtATime = "two at a time"

// sequence returns n elements: mostly one fault, and sometimes two that occur at the same time. It is made of rounds, in which every
// kind occurs once, in random order. Two faults at the same time are a kind of their own.
func sequence(kinds []kind, random *rand.Rand, n int) [][]fault {
	const two = -1         // stands for two faults in order, among the indexes of kinds
	var order, pairs []int // pairs are the kinds that may be one of two
	for i := range kinds {
		if !kinds[i].alone {
			pairs = append(pairs, i)
		}
	}
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
		if order[0] == two && len(pairs) > 1 {
			pair := random.Perm(len(pairs))[:2]
			next = append(next, one(pairs[pair[0]]), one(pairs[pair[1]]))
		} else {
			next = append(next, one(max(order[0], 0))) // the first kind in place of two that cannot be
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

// cause begins the fault, waits for as long as it lasts, and ends it.
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

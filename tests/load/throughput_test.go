package load

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"comanda/infra"
	"comanda/tests/system"
)

// pinned is the commit that this tree is compared with: the last one before the work on throughput (docs/performance.md).
const pinned = "82e43515"

var (
	baselineCommit = flag.String("baseline", pinned, "the commits to compare with, separated by commas; empty measures only this tree")
	rounds         = flag.Int("rounds", 5, "how often each system is measured, in turn")
	loadFor        = flag.Duration("load", 6*time.Second, "how long each is loaded fully in a round")
	paceFor        = flag.Duration("pace", 4*time.Second, "how long each gets orders at a constant rate in a round")
	clients        = flag.Int("clients", 16, "how many requests are in flight while a system is loaded fully")
	settings       = flag.String("settings", "", "measures this tree also with these settings, such as 'GOGC=200 LOG_LEVEL=warn'")
	replicas       = flag.Int("replicas", 1, "measures this tree also with so many replicas of order and product")
	statements     = flag.Int("statements", 0, "print so many of the most expensive SQL statements of this tree, and the WAL by database (needs pg_stat_statements)")
)

const (
	// pace is the rate, in orders per second, at which the time from the request to the decision is measured.
	pace = 20
	// warmUp is how long each system is loaded before the first round.
	warmUp = 5 * time.Second
	// warmUpJVM is the same with Apache Kafka. In the first minute of load, the compiler of the Java virtual machine takes 40 % of the
	// broker's processor time, and later 4 %.
	warmUpJVM = time.Minute
	// rampUp is how long a system is loaded in a round before it is measured.
	rampUp = time.Second
)

// arm is one of the systems that are compared.
type arm struct {
	name    string
	sys     *system.System
	sender  *sender
	samples []sample
	memory  map[string]float64 // in MiB, by process, after the last round
}

// BenchmarkOrders measures what an order costs in this tree and in the baseline, and prints the ratios. Both systems run at the same
// time, each with servers of its own, and are loaded in turn, so that other work on the machine hits both alike.
func BenchmarkOrders(b *testing.B) {
	for b.Loop() {
		compareOrders(b)
	}
	b.ReportMetric(0, "ns/op")
}

func compareOrders(b *testing.B) {
	arms := startArms(b)
	for _, a := range arms {
		a.warmUp(b)
	}
	for range *rounds {
		for _, a := range arms {
			a.samples = append(a.samples, a.measure(b))
		}
	}
	for _, a := range arms {
		_, each, err := a.sys.Memory()
		if err != nil {
			b.Fatal(err)
		}
		a.memory = map[string]float64{}
		for name, bytes := range each {
			a.memory[name] = float64(bytes >> 20)
		}
	}
	mine := arms[len(arms)-1]
	fmt.Print(report(arms))
	if *statements > 0 {
		text, err := expensiveStatements(b.Context(), mine.sys, *statements)
		if err != nil {
			b.Fatal(err)
		}
		fmt.Print(text)
	}
	for name, figure := range headlines {
		b.ReportMetric(mine.median(figure), name)
		if len(arms) > 1 {
			b.ReportMetric(ratio(arms, figure), name+"-ratio")
		}
	}
}

// warmUp loads the system before the first round.
func (a *arm) warmUp(b *testing.B) {
	kind, err := infra.KindFromEnvironment(os.Getenv)
	if err != nil {
		b.Fatal(err)
	}
	enough := warmUp
	if kind == infra.Apache {
		enough = warmUpJVM
	}
	a.load(b, func() { time.Sleep(enough) })
}

// startArms starts the baselines, then this tree, and then, with -settings and -replicas, this tree in other ways. It builds the baselines before
// it starts the first system.
func startArms(b *testing.B) []*arm {
	commits := strings.FieldsFunc(*baselineCommit, func(r rune) bool { return r == ',' })
	dirs := map[string]string{}
	for _, commit := range commits {
		var err error
		if dirs[commit], err = checkOut(b.Context(), commit); err != nil {
			b.Fatal(err)
		}
	}
	var arms []*arm
	for _, commit := range commits {
		arms = append(arms, startArm(b, commit[:min(len(commit), 8)], system.Options{Checkout: dirs[commit]}, ""))
	}
	arms = append(arms, startArm(b, "this tree", system.Options{}, ""))
	if *settings != "" {
		arms = append(arms, startArm(b, "settings", system.Options{}, *settings))
	}
	if *replicas > 1 {
		options := system.Options{Replicas: map[string]int{"order": *replicas, "product": *replicas}}
		arms = append(arms, startArm(b, fmt.Sprintf("%d replicas", *replicas), options, ""))
	}
	return arms
}

// startArm starts a system with more settings of the form NAME=value.
func startArm(b *testing.B, name string, options system.Options, more string) *arm {
	environ := map[string]string{
		// The limits are on, so that their cost is measured, and too high for the sender to reach.
		"RATE_LIMIT_PER_SECOND": "100000", "RATE_LIMIT_BURST": "100000", "CONNECTIONS_MAX_PER_ADDRESS": "1000",
		"MAX_OPEN_ORDERS": "10", "MAX_OPEN_UNITS": "200",
	}
	for _, setting := range strings.Fields(more) {
		name, value, _ := strings.Cut(setting, "=")
		environ[name] = value
	}
	options.Unchecked, options.Settings = true, environ
	sys := system.Start(b, options)
	if *statements > 0 {
		if err := countStatements(b.Context(), sys); err != nil {
			b.Fatal(err)
		}
	}
	return &arm{name: name, sys: sys, sender: newSender(b, sys)}
}

// sample is what one round measured of one system.
type sample struct {
	perSecond       float64            // confirmed
	processor       map[string]float64 // milliseconds for each order, by process
	objects, kB     map[string]float64 // allocated for each order, by service and sidecar
	commits         map[string]float64 // for each order, by database
	wal             wal                // for each order
	placed, decided latency            // under full load, until the 201; at the constant rate, until CONFIRMED
}

// latency is in milliseconds.
type latency struct{ p50, p99 float64 }

// measure loads the system fully, and then at a constant rate.
func (a *arm) measure(b *testing.B) sample {
	s := a.measureLoad(b)
	a.sender.atRate(b.Context(), pace, *paceFor)
	s.decided = a.latency(b)
	return s
}

// measureLoad measures the system while it is loaded fully. It leaves out the first second and the time in which the backlog empties.
func (a *arm) measureLoad(b *testing.B) sample {
	var before, after usage
	var confirmed, now int64
	placed := a.load(b, func() {
		time.Sleep(rampUp)
		a.sender.forgetTimes()
		before, confirmed = a.read(b)
		time.Sleep(*loadFor)
		after, now = a.read(b)
	})
	orders := float64(now - confirmed)
	s := sample{
		perSecond: orders / after.at.Sub(before.at).Seconds(), placed: placed,
		processor: map[string]float64{}, objects: map[string]float64{}, kB: map[string]float64{}, commits: map[string]float64{},
		wal: wal{
			Bytes: (after.wal.Bytes - before.wal.Bytes) / orders, Records: (after.wal.Records - before.wal.Records) / orders,
			Images: (after.wal.Images - before.wal.Images) / orders, Syncs: (after.wal.Syncs - before.wal.Syncs) / orders,
		},
	}
	for name, took := range after.processor {
		s.processor[name] = (took - before.processor[name]).Seconds() * 1000 / orders
	}
	for name, n := range after.allocated {
		s.objects[name] = (n.objects - before.allocated[name].objects) / orders
		s.kB[name] = (n.bytes - before.allocated[name].bytes) / 1000 / orders
	}
	for name, n := range after.commits {
		s.commits[name] = (n - before.commits[name]) / orders
	}
	return s
}

// load loads the system fully during f, and then waits until all orders are decided. It returns how long the responses took.
func (a *arm) load(b *testing.B, f func()) latency {
	following, stopFollowing := context.WithCancel(b.Context())
	defer stopFollowing()
	if err := a.sender.follow(following); err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	var sending sync.WaitGroup
	sending.Go(func() { a.sender.fully(ctx, *clients) })
	f()
	stop()
	sending.Wait()
	awaitDecided(b, a.sys)
	return a.latency(b)
}

// read returns what the system has used, and the number of confirmed orders, both since its start.
func (a *arm) read(b *testing.B) (usage, int64) {
	u, err := readUsage(b.Context(), a.sys)
	if err != nil {
		b.Fatal(err)
	}
	confirmed, err := a.sender.confirmed(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return u, confirmed
}

// latency returns the latency of the orders since the last call. It fails the benchmark if one of them was not accepted or not confirmed.
func (a *arm) latency(b *testing.B) latency {
	took, err := a.sender.reset()
	if err != nil {
		b.Fatalf("%s: an order was not accepted or not confirmed: %v", a.name, err)
	}
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[int(float64(len(took)-1)*share)].Microseconds()) / 1000
	}
	return latency{at(0.5), at(0.99)}
}

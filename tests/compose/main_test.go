//go:build compose

package compose

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// runStart is the start of the run. Every progress line shows the time since then.
var runStart = time.Now()

// printProgress prints a progress line immediately.
func printProgress(format string, args ...any) {
	fmt.Printf("%4.0f s  %s\n", time.Since(runStart).Seconds(), fmt.Sprintf(format, args...))
}

// TestMain runs the tests, and removes the system if the run is interrupted.
func TestMain(m *testing.M) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stop
		if sys := current.Load(); sys != nil && !sys.keep {
			printProgress("interrupted: removing the system")
			_ = sys.remove()
		}
		os.Exit(130)
	}()
	os.Exit(m.Run())
}

// phase is one step of the run.
type phase struct {
	name     string
	required bool     // the later phases need its result
	needs    []string // services without which the run skips the phase
	run      func(*testing.T, *stack)
}

var prometheus = []string{"prometheus"}

// startPhase is the name of the phase before which the system is started.
const startPhase = "up: all containers are healthy"

// phases are ordered so that the system starts as rarely as possible.
var phases = []phase{
	{name: "up fails without a good secret", run: testUpFailsWithoutAGoodSecret},
	{name: startPhase, required: true, run: testAllHealthy},
	{name: "images are small and containers confined", run: testContainers},
	{name: "no secret is visible", run: testNoSecretIsVisible},
	{name: "a service reaches only its own sidecar", run: testIsolation},
	{name: "the demo succeeds", run: testDemo},
	{name: "reconcile finds and mends a damaged row", run: testReconcile},
	{name: "dead letters are shown and discarded", run: testDeadLetters},
	{name: "one order is one trace, and its log lines carry the trace id", needs: []string{"zipkin"}, run: testOrderTrace},
	{name: "Prometheus reaches every target", needs: prometheus, run: testTargets},
	{name: "the logs of every container are collected", run: testLogs},
	{name: "no alert fires without a fault", needs: prometheus, run: testNoAlertWithoutAFault},
	{name: "every query of every dashboard returns data", needs: prometheus, run: testDashboards},
	{name: "every alert fires on its fault", needs: prometheus, run: testEveryAlertFires},
	{name: "killed containers restart, and no order is lost", run: testKills},
	{name: "dashboards show the faults", needs: prometheus, run: testDashboardsAfterFaults},
	{name: "down and up keep all data", required: true, run: testDownAndUp},
	{name: "three replicas of order and of product share the work", needs: prometheus, run: testScale},
	{name: "a new key invalidates the old tokens", run: testKeyRotation},
	{name: "down -v removes everything", run: testDownRemovesEverything},
}

func TestCompose(t *testing.T) {
	sys := newStack(t)
	for _, p := range phases {
		if p.name == startPhase { // also if -run leaves this phase out
			sys.buildAndStart(t)
		}
		if missing := sys.missing(p.needs...); len(missing) > 0 {
			sys.skipCheck(p.name, missing)
			continue
		}
		since := time.Now()
		passed := t.Run(p.name, func(t *testing.T) { p.run(t, sys) })
		if took := time.Since(since); took > time.Millisecond || !passed {
			printProgress("%s %s (%.0f s)", map[bool]string{true: "ok  ", false: "FAIL"}[passed], p.name, took.Seconds())
		}
		if !passed && p.required {
			t.Fatal("stopped: the later phases need this one")
		}
	}
}

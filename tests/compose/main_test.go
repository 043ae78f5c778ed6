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

// TestMain also removes the system when the run is interrupted.
func TestMain(m *testing.M) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stop
		if now := current.Load(); now != nil && !now.keep {
			printProgress("interrupted: taking everything down")
			_ = now.remove()
		}
		os.Exit(130)
	}()
	os.Exit(m.Run())
}

// phase is one step of the run.
type phase struct {
	name     string
	required bool     // the later parts need it
	needs    []string // the part is skipped without these services
	run      func(*testing.T, *stack)
}

var prometheus = []string{"prometheus"}

// phases are ordered so that the system starts as rarely as possible.
var phases = []phase{
	{name: "up fails without a good secret", run: testUpFailsWithoutAGoodSecret},
	{name: "up: all healthy", required: true, run: testAllHealthy},
	{name: "images are small and containers confined", run: testContainers},
	{name: "no secret is visible", run: testNoSecretIsVisible},
	{name: "no service reaches a sidecar that is not its own", run: testIsolation},
	{name: "the demo", run: testDemo},
	{name: "one order is one trace, and its log lines carry the id", needs: []string{"zipkin"}, run: testOrderTrace},
	{name: "Prometheus reaches every target", needs: prometheus, run: testTargets},
	{name: "every container's log is kept", run: testLogs},
	{name: "no alert fires without a fault", needs: prometheus, run: testNoAlertWithoutAFault},
	{name: "every query of every dashboard returns data", needs: prometheus, run: testDashboards},
	{name: "every alert fires on its fault", needs: prometheus, run: testEveryAlertFires},
	{name: "killed containers come back, and no order is lost", run: testKills},
	{name: "dashboards show the faults", needs: prometheus, run: testDashboardsAfterFaults},
	{name: "down and up: all data is still there", required: true, run: testDownAndUp},
	{name: "three replicas of order and of product", needs: prometheus, run: testScale},
	{name: "a new key ends the old tokens", run: testKeyRotation},
	{name: "down -v leaves nothing", run: testDownRemovesEverything},
}

func TestCompose(t *testing.T) {
	sys := newStack(t)
	for _, p := range phases {
		if p.name == "up: all healthy" { // also when -run leaves this part out
			sys.buildAndStart(t)
		}
		if missing := sys.missing(p.needs...); len(missing) > 0 {
			sys.skipCheck(p.name, missing)
			continue
		}
		since := time.Now()
		good := t.Run(p.name, func(t *testing.T) { p.run(t, sys) })
		if took := time.Since(since); took > time.Millisecond || !good {
			printProgress("%s %s (%.0f s)", map[bool]string{true: "ok  ", false: "FAIL"}[good], p.name, took.Seconds())
		}
		if !good && p.required {
			t.Fatal("stopped: the later parts need this one")
		}
	}
}

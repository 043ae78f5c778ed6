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

// begun is the start of the run. Every progress line shows the time since then.
var begun = time.Now()

// say prints a progress line immediately.
func say(format string, args ...any) {
	fmt.Printf("%4.0f s  %s\n", time.Since(begun).Seconds(), fmt.Sprintf(format, args...))
}

// TestMain also removes the system when the run is interrupted.
func TestMain(m *testing.M) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stop
		if now := current.Load(); now != nil && !now.keep {
			say("interrupted: taking everything down")
			_ = now.remove()
		}
		os.Exit(130)
	}()
	os.Exit(m.Run())
}

// part is one step of the run.
type part struct {
	name  string
	vital bool     // the later parts need it
	needs []string // the part is skipped without these services
	play  func(*testing.T, *stack)
}

var prometheus = []string{"prometheus"}

// parts are ordered so that the system starts as rarely as possible.
var parts = []part{
	{name: "up fails without a good secret", play: testSecretsAreAsked},
	{name: "up: all healthy", vital: true, play: testUp},
	{name: "images are small and containers confined", play: testContainers},
	{name: "no secret is visible", play: testSecretsAreKept},
	{name: "no service reaches a sidecar that is not its own", play: testIsolation},
	{name: "the demo", play: testDemo},
	{name: "one order is one trace, and its log lines carry the id", needs: []string{"zipkin"}, play: testOneOrder},
	{name: "Prometheus reaches every target", needs: prometheus, play: testTargets},
	{name: "every container's log is kept", play: testLogs},
	{name: "no alert fires without a fault", needs: prometheus, play: testAlertsAreQuiet},
	{name: "every query of every dashboard returns data", needs: prometheus, play: testDashboards},
	{name: "every alert fires on its fault", needs: prometheus, play: testAlerts},
	{name: "killed containers come back, and no order is lost", play: testKills},
	{name: "dashboards show the faults", needs: prometheus, play: testDashboardsAfterFaults},
	{name: "down and up: all data is still there", vital: true, play: testDownAndUp},
	{name: "three replicas of order and of product", needs: prometheus, play: testScale},
	{name: "a new key ends the old tokens", play: testRotation},
	{name: "down -v leaves nothing", play: testDownRemovesEverything},
}

func TestCompose(t *testing.T) {
	sys := open(t)
	for _, p := range parts {
		if p.name == "up: all healthy" { // also when -run leaves this part out
			sys.start(t)
		}
		if missing := sys.missing(p.needs...); len(missing) > 0 {
			sys.unchecked(p.name, missing)
			continue
		}
		since := time.Now()
		good := t.Run(p.name, func(t *testing.T) { p.play(t, sys) })
		if took := time.Since(since); took > time.Millisecond || !good {
			say("%s %s (%.0f s)", map[bool]string{true: "ok  ", false: "FAIL"}[good], p.name, took.Seconds())
		}
		if !good && p.vital {
			t.Fatal("stopped: the later parts need this one")
		}
	}
}

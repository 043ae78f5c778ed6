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

// begun is when the run began: every line of progress says how long ago that was.
var begun = time.Now()

// say prints a line of progress at once.
func say(format string, args ...any) {
	fmt.Printf("%4.0f s  %s\n", time.Since(begun).Seconds(), fmt.Sprintf(format, args...))
}

// TestMain sees to it that a run which is broken off cleans up after itself, too.
func TestMain(m *testing.M) {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-stop
		if now := current.Load(); now != nil && !now.keep {
			say("broken off: taking everything down")
			_ = now.remove()
		}
		os.Exit(130)
	}()
	os.Exit(m.Run())
}

// part is one chapter of the proof. What a vital one builds, the others stand on.
type part struct {
	name  string
	vital bool
	play  func(*testing.T, *stack)
}

// parts are in the order in which the system has to be brought up least often.
var parts = []part{
	{"it stops without a good secret", false, testSecretsAreAsked},
	{"up: all healthy", true, testUp},
	{"images and containers are as small and closed as promised", false, testContainers},
	{"no secret is where it should not be", false, testSecretsAreKept},
	{"no service reaches a sidecar that is not its own", false, testIsolation},
	{"the demo", false, testDemo},
	{"one order is one trace, and its log lines are found by it", false, testOneOrder},
	{"metrics and logs come from everywhere", false, testEverythingIsSeen},
	{"no alert fires in peace", false, testAlertsAreQuiet},
	{"every query of every dashboard returns data", false, testDashboards},
	{"every alert fires when its fault is made", false, testAlerts},
	{"whatever is killed, no order is lost", false, testKills},
	{"dashboards show what went wrong", false, testDashboardsAfterFaults},
	{"down and up: all is still there", true, testDownAndUp},
	{"three of order, three of product", false, testScale},
	{"a new key ends the old tokens", false, testRotation},
	{"down -v leaves nothing", false, testDownAndGone},
}

func TestCompose(t *testing.T) {
	s := open(t)
	for _, p := range parts {
		if p.name == "up: all healthy" { // whatever is asked for with -run
			s.start(t)
		}
		since := time.Now()
		good := t.Run(p.name, func(t *testing.T) { p.play(t, s) })
		if took := time.Since(since); took > time.Millisecond || !good {
			say("%s %s (%.0f s)", map[bool]string{true: "ok  ", false: "FAIL"}[good], p.name, took.Seconds())
		}
		if !good && p.vital {
			t.Fatal("what follows needs this")
		}
	}
}

//go:build compose

package compose

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// startTimeout limits the time until the whole system is healthy, on two cores, when the images are already built.
const startTimeout = 5 * time.Minute

// servicesToStart returns the services for `build` and `up`. An empty list means all.
func (sys *stack) servicesToStart(t testing.TB) []string {
	t.Helper()
	if len(sys.without) == 0 {
		return nil
	}
	return sys.services(t)
}

// buildAndStart builds the images and starts the system, unless an earlier run kept it.
func (sys *stack) buildAndStart(t *testing.T) {
	if all, err := sys.containers(t.Context()); err == nil && sys.keep && len(all) > 0 {
		printProgress("KEEP=yes: using the system that is already running")
		reloadPrometheus(t, sys)
		return
	}
	since := time.Now()
	scenario.Try(sys.compose(t.Context(), append([]string{"build"}, sys.servicesToStart(t)...)...)).OrFail(t)
	printProgress("     images built (%.0f s)", time.Since(since).Seconds())
	since = time.Now()
	sys.composeUp(t)
	sys.awaitHealthy(t, startTimeout)
	printProgress("     up and healthy (%.0f s)", time.Since(since).Seconds())
}

// override writes a Compose file with the test's changes and returns its path. Only Prometheus changes: its rules are the copy
// that writeShortRules makes, and its targets are a copy in a watched folder, so that the test can remove a target.
func (sys *stack) override(t *testing.T) string {
	rules, targets := filepath.Join(sys.dir, "rules"), filepath.Dir(sys.targetsFile())
	err := errors.Join(os.MkdirAll(rules, 0o755), os.MkdirAll(targets, 0o755), writeShortRules(sys.path(rulesFolder), rules),
		copyFile(sys.path("deploy/prometheus/targets/base.yml"), sys.targetsFile()))
	none := filepath.Join(sys.dir, "none.yml")
	for _, file := range []string{none, filepath.Join(targets, "base.yml"), filepath.Join(targets, "scale.yml")} {
		err = errors.Join(err, os.WriteFile(file, []byte("[]\n"), 0o644)) // placeholders for files that may be mounted here
	}
	text := fmt.Sprintf(`services:
  prometheus:
    volumes:
      - %s:%s:ro
      - %s:/etc/prometheus/targets:ro
      - %s:/etc/prometheus/targets/base.yml:ro
`, rules, rulesMount, targets, none)
	file := filepath.Join(sys.dir, "override.yml")
	if err := errors.Join(err, os.WriteFile(file, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
	sys.note("alert rules were evaluated every %s with a sixth of their `for`, at most %v; their expressions are those of %s",
		testInterval, maxFor, rulesFolder)
	return file
}

// targetsFile returns the path of the copy of the targets.
func (sys *stack) targetsFile() string { return filepath.Join(sys.dir, "targets", "copy.yml") }

// The gateway reports that all five services are ready. Every running container has a health check, and the engine restarted
// none. The test prints the memory that the containers use.
func testAllHealthy(t *testing.T, sys *stack) {
	gateway := client.New(sys.portURL(gatewayPort))
	scenario.EventuallyWithin(t, time.Minute, "the gateway reports that all services are ready", gateway.Ready)
	sys.awaitHealthy(t, startTimeout)
	all := scenario.Try(sys.containers(t.Context())).OrFail(t)
	for name, c := range all {
		if c.RestartCount > 0 {
			t.Errorf("starts of %s: got %d, want 1", name, 1+c.RestartCount)
		}
		if c.State.Running && c.State.Health == nil {
			t.Errorf("%s has no health check", name)
		}
	}
	total, list := sys.memory(t.Context())
	printProgress("     %d containers, %.0f MB of memory: %s", len(all), total, list)
}

// memory returns the memory of all containers in MB: the total, and a list with the memory of each.
func (sys *stack) memory(ctx context.Context) (total float64, list string) {
	ids, err := listObjects(ctx, "container", project)
	if err != nil {
		return 0, err.Error()
	}
	text, err := docker(ctx, append([]string{"stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}}"}, ids...)...)
	if err != nil {
		return 0, err.Error()
	}
	var parts []string
	for row := range strings.Lines(text) {
		fields := strings.Fields(row)
		used := bytesOf(fields[1]) / (1 << 20)
		if total += used; used > 0 {
			parts = append(parts, fmt.Sprintf("%s %.0f", strings.TrimPrefix(fields[0], project+"_"), used))
		}
	}
	return total, strings.Join(parts, ", ")
}

// bytesOf parses a size such as 12.5MiB. It returns 0 for other text.
func bytesOf(text string) float64 {
	for unit, size := range map[string]float64{"GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10} {
		if number, found := strings.CutSuffix(text, unit); found {
			value, _ := strconv.ParseFloat(number, 64)
			return value * size
		}
	}
	return 0
}

// path returns the absolute path of a file of the repository.
func (sys *stack) path(name string) string { return filepath.Join(sys.root, name) }

// errorOr returns err, or an error with the given message if err is nil.
func errorOr(err error, message string) error {
	if err != nil {
		return err
	}
	return errors.New(message)
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	return errors.Join(err, os.WriteFile(to, text, 0o644))
}

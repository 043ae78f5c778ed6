package attack

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"comanda/infra/build"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// memoryLimit returns the memory limit of a program's container in MiB: that of its own service in compose, or that of its kind.
func memoryLimit(t testing.TB, program string) int {
	t.Helper()
	kind, container := "service", program
	if service, is := strings.CutSuffix(program, " sidecar"); is {
		kind, container = "sidecar", service+"-dapr"
	}
	own, ofKind := composeLimits(t, "pairs.yml")[container], composeLimits(t, "base.yml")[kind]
	if own != "" {
		ofKind = own
	}
	return scenario.Try(strconv.Atoi(strings.TrimSuffix(ofKind, "m"))).OrFail(t)
}

// composeLimits returns the limits of memory in a file of deploy/compose, by its services.
func composeLimits(t testing.TB, file string) map[string]string {
	t.Helper()
	root := scenario.Try(build.Root()).OrFail(t)
	text := scenario.Try(os.ReadFile(filepath.Join(root, "deploy/compose", file))).OrFail(t)
	var compose struct {
		Services map[string]struct {
			Memory string `yaml:"mem_limit"`
		}
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	limits := map[string]string{}
	for name, service := range compose.Services {
		limits[name] = service.Memory
	}
	return limits
}

// checkMemory reports the most memory that each process has had since it started, and fails the test if that is more than its
// container has.
func checkMemory(t testing.TB, sys *system.System) {
	t.Helper()
	var report strings.Builder
	for _, program := range sys.Programs() {
		limit := memoryLimit(t, program.Name)
		peak := peakMemory(t, program.PID())
		fmt.Fprintf(&report, " %s %d", program.Name, peak)
		if peak >= limit {
			t.Errorf("%s has had %d MiB, want less than the %d MiB of its container", program.Name, peak, limit)
		}
	}
	t.Log("peak memory in MiB:" + report.String())
}

// peakMemory returns the peak resident memory of a process in MiB.
func peakMemory(t testing.TB, pid int) int {
	t.Helper()
	status := scenario.Try(os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))).OrFail(t)
	for line := range bytes.Lines(status) {
		if value, found := bytes.CutPrefix(line, []byte("VmHWM:")); found {
			return scenario.Try(strconv.Atoi(string(bytes.Fields(value)[0]))).OrFail(t) >> 10
		}
	}
	t.Fatalf("no VmHWM in the status of process %d", pid)
	return 0
}

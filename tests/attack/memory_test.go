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

// memoryLimits returns the limits of memory of a service's container and of a sidecar's, in MiB.
func memoryLimits(t testing.TB) (service, sidecar int) {
	t.Helper()
	root := scenario.Try(build.Root()).OrFail(t)
	text := scenario.Try(os.ReadFile(filepath.Join(root, "deploy/compose/base.yml"))).OrFail(t)
	var compose struct {
		Services map[string]struct {
			Memory string `yaml:"mem_limit"`
		}
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	limit := func(name string) int {
		return scenario.Try(strconv.Atoi(strings.TrimSuffix(compose.Services[name].Memory, "m"))).OrFail(t)
	}
	return limit("service"), limit("sidecar")
}

// checkMemory reports the most memory that each process has had since it started, and fails the test if that is more than its
// container has.
func checkMemory(t testing.TB, sys *system.System) {
	t.Helper()
	service, sidecar := memoryLimits(t)
	var report strings.Builder
	for _, program := range sys.Programs() {
		limit := service
		if strings.HasSuffix(program.Name, "sidecar") {
			limit = sidecar
		}
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

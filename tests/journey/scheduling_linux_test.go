package journey

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// batchPolicy is SCHED_BATCH in sched(7).
const batchPolicy = 3

// Services, sidecars and the embedded broker have replaced themselves with a relaxed scheduling (docs/decisions/0028-relaxed-scheduling.md).
// The environment with which they started says so.
func TestProgramsAreRelaxed(t *testing.T) {
	t.Parallel()
	sys := sharedSystem(t)
	pids := map[string]int{}
	for _, program := range sys.Programs() {
		pids[program.Name] = program.PID()
	}
	if pid := sys.Kafka.PID(); isOurBroker(pid) {
		pids["broker"] = pid
	}
	for name, pid := range pids {
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(environ, []byte("\x00COMANDA_SCHEDULING_RELAXED=true\x00")) {
			t.Errorf("%s has not replaced itself: its timer slack and policy are the defaults", name)
		}
		policy, _, failed := syscall.RawSyscall(syscall.SYS_SCHED_GETSCHEDULER, uintptr(pid), 0, 0)
		if failed != 0 || policy != batchPolicy {
			t.Errorf("%s has the scheduling policy %d (error %v), want SCHED_BATCH", name, policy, failed)
		}
	}
}

// isOurBroker reports whether the process is the embedded broker, and not Apache Kafka.
func isOurBroker(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && strings.TrimSpace(string(name)) == "broker"
}

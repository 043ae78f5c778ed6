package journey

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
)

// Services, sidecars and the embedded broker have a timer slack of a millisecond. Each of them misses it if Go moves main to another
// thread within its first microseconds, so one may.
func TestProgramsWakeRarely(t *testing.T) {
	t.Parallel()
	sys := sharedSystem(t)
	pids := map[string]int{}
	for _, program := range sys.Programs() {
		pids[program.Name] = program.PID()
	}
	if pid := sys.Kafka.PID(); isOurBroker(pid) {
		pids["broker"] = pid
	}
	var missed []string
	for name, pid := range pids {
		slack, err := os.ReadFile(fmt.Sprintf("/proc/%d/timerslack_ns", pid))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skipf("skipped: only Linux, and there only root, tells the timer slack of a program: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(string(slack)); got != "1000000" {
			missed = append(missed, fmt.Sprintf("%s: %s ns", name, got))
		}
	}
	if len(missed) > 1 {
		t.Errorf("timer slack: got %s, want 1000000 ns for each program", strings.Join(missed, ", "))
	}
}

// isOurBroker reports whether the process is the embedded broker, and not Apache Kafka.
func isOurBroker(pid int) bool {
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && strings.TrimSpace(string(name)) == "broker"
}

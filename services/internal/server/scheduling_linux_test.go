package server

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

// idlePolicy (SCHED_IDLE) is a policy that a parent may choose.
const idlePolicy = 5

// init makes the test program the one that TestSchedulingIsRelaxed starts. Like main, init runs on the main thread.
func init() {
	if os.Getenv("TEST_RELAX_SCHEDULING") == "" {
		return
	}
	relaxScheduling()
	own := make(chan uintptr)
	go func() {
		runtime.LockOSThread() // never unlocked, so this goroutine has a thread of its own
		own <- prctl(syscall.PR_GET_TIMERSLACK, 0)
		policy, _, _ := syscall.RawSyscall(syscall.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
		own <- policy
	}()
	_, marked := os.LookupEnv(relaxedMark)
	var onParentDeath int32
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_PDEATHSIG, uintptr(unsafe.Pointer(&onParentDeath)), 0)
	fmt.Println(<-own, <-own, os.Getpid(), marked, onParentDeath, os.Args[1:])
	os.Exit(0)
}

// A program gets the timer slack and the policy with its arguments, its process id and the signal at its parent's death. It leaves a slack
// or policy that its parent has chosen, and replaces itself only once, and never in a debugger.
func TestSchedulingIsRelaxed(t *testing.T) {
	for name, tc := range map[string]struct {
		slack, policy         uintptr // of the parent; the slack in nanoseconds
		environ               string
		traced                bool
		wantSlack, wantPolicy uintptr
	}{
		"by default":                          {slack: defaultTimerSlack, wantSlack: timerSlack, wantPolicy: batchPolicy},
		"the parent has chosen another slack": {slack: 60_000, wantSlack: 60_000, wantPolicy: batchPolicy},
		"the parent has chosen a policy":      {slack: defaultTimerSlack, policy: idlePolicy, wantSlack: timerSlack, wantPolicy: idlePolicy},
		"the parent has chosen both":          {slack: 60_000, policy: idlePolicy, wantSlack: 60_000, wantPolicy: idlePolicy},
		"the kernel has lost both":            {slack: defaultTimerSlack, environ: relaxedMark + "=true", wantSlack: defaultTimerSlack},
		"a debugger follows the program":      {slack: defaultTimerSlack, traced: true, wantSlack: defaultTimerSlack},
	} {
		t.Run(name, func(t *testing.T) {
			// Slack, policy and the right to trace are the thread's. Never unlocked, it ends with the test.
			runtime.LockOSThread()
			prctl(syscall.PR_SET_TIMERSLACK, tc.slack)
			if !changePolicy(defaultPolicy, tc.policy) {
				t.Fatal("the tests run with another scheduling policy than the default, or may not change it")
			}
			var output strings.Builder
			command := exec.Command(os.Args[0], "an", "argument")
			command.Env = slices.Concat(os.Environ(), []string{"TEST_RELAX_SCHEDULING=yes", tc.environ})
			command.Stdout, command.Stderr = &output, &output
			command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Ptrace: tc.traced}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			pid := command.Process.Pid
			if tc.traced {
				follow(t, pid)
			}
			_ = command.Wait() // a program that was traced has been waited for
			want := fmt.Sprintf("%d %d %d false %d [an argument]\n", tc.wantSlack, tc.wantPolicy, pid, syscall.SIGTERM)
			if output.String() != want {
				t.Errorf("slack, policy, process id, mark, signal, arguments: got %swant %s", output.String(), want)
			}
		})
	}
}

// follow lets a traced program run until it ends.
func follow(t *testing.T, pid int) {
	for {
		var status syscall.WaitStatus
		if _, err := syscall.Wait4(pid, &status, 0, nil); err != nil {
			t.Fatal(err)
		}
		if !status.Stopped() {
			return
		}
		signal := status.StopSignal()
		if signal == syscall.SIGTRAP { // it has called execve
			signal = 0
		}
		if err := syscall.PtraceCont(pid, int(signal)); err != nil {
			t.Fatal(err)
		}
	}
}

func prctl(option, value uintptr) uintptr {
	result, _, _ := syscall.RawSyscall(syscall.SYS_PRCTL, option, value, 0)
	return result
}

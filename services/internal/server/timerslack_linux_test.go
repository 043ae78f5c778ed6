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

// init makes the test program the one that TestTimersAreRelaxed starts. Like main, init runs on the main thread.
func init() {
	if os.Getenv("TEST_RELAX_TIMERS") == "" {
		return
	}
	relaxTimers()
	slack := make(chan uintptr)
	go func() {
		runtime.LockOSThread() // never unlocked, so this goroutine has a thread of its own
		slack <- prctl(syscall.PR_GET_TIMERSLACK, 0)
	}()
	_, marked := os.LookupEnv(relaxedMark)
	var onParentDeath int32
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_PDEATHSIG, uintptr(unsafe.Pointer(&onParentDeath)), 0)
	fmt.Println(<-slack, os.Getpid(), marked, onParentDeath, os.Args[1:])
	os.Exit(0)
}

// A program gets the timer slack with its arguments, its process id and the signal at its parent's death. It leaves a slack that its parent
// has chosen, and replaces itself only once, and never in a debugger.
func TestTimersAreRelaxed(t *testing.T) {
	for name, tc := range map[string]struct {
		parent  uintptr // the parent's slack in nanoseconds
		environ string
		traced  bool
		want    uintptr
	}{
		"by default":                     {parent: defaultTimerSlack, want: timerSlack},
		"the parent has chosen another":  {parent: 60_000, want: 60_000},
		"the kernel has lost the slack":  {parent: defaultTimerSlack, environ: relaxedMark + "=true", want: defaultTimerSlack},
		"a debugger follows the program": {parent: defaultTimerSlack, traced: true, want: defaultTimerSlack},
	} {
		t.Run(name, func(t *testing.T) {
			runtime.LockOSThread() // the slack is the thread's, and so is the right to trace
			defer runtime.UnlockOSThread()
			own := prctl(syscall.PR_GET_TIMERSLACK, 0)
			prctl(syscall.PR_SET_TIMERSLACK, tc.parent)
			defer prctl(syscall.PR_SET_TIMERSLACK, own)
			var output strings.Builder
			command := exec.Command(os.Args[0], "an", "argument")
			command.Env = slices.Concat(os.Environ(), []string{"TEST_RELAX_TIMERS=yes", tc.environ})
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
			if want := fmt.Sprintf("%d %d false %d [an argument]\n", tc.want, pid, syscall.SIGTERM); output.String() != want {
				t.Errorf("slack, process id, mark, signal, arguments: got %swant %s", output.String(), want)
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

package server

import (
	"bytes"
	"os"
	"runtime"
	"syscall"
)

const (
	// defaultTimerSlack is the timer slack that Linux gives to processes, in nanoseconds.
	defaultTimerSlack = 50_000
	// timerSlack is how much later than asked the kernel may wake a thread of this process, in nanoseconds.
	timerSlack = 1_000_000
	// relaxedMark is the environment variable that the program has after it has replaced itself. It prevents a loop on a kernel that loses
	// the slack.
	relaxedMark = "COMANDA_TIMERS_RELAXED"
)

// relaxTimers gives all threads of this process a timer slack of a millisecond, unless its parent has chosen another than the default. main
// calls it first.
//
// Go's runtime has a thread that watches the others (sysmon). While the program has work, it sleeps for 20 µs at a time, so a busy program
// wakes up more than a thousand times a second only for that, and in a virtual machine each timer is a trap into the hypervisor. The slack
// makes 20 µs a millisecond. Together with the same in the sidecars it saves a quarter of the processor's time
// (docs/decisions/0028-timer-slack.md). Timers of Go fire up to a millisecond later.
//
// A thread inherits the slack of the thread that starts it, and sysmon starts before main. So the program sets the slack and replaces itself
// with execve, which keeps the process id, the slack of the main thread, and the signal that it gets when its parent ends
// (PR_SET_TIMERSLACK(2const), PR_SET_PDEATHSIG(2const)). A program in a debugger stays as it is, because the debugger would lose its
// breakpoints.
func relaxTimers() {
	if os.Getenv(relaxedMark) != "" {
		_ = os.Unsetenv(relaxedMark)
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	slack, _, failed := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_TIMERSLACK, 0, 0)
	if failed != 0 || slack != defaultTimerSlack || syscall.Gettid() != os.Getpid() || isTraced() {
		return
	}
	program, err := os.Executable()
	if err != nil {
		return
	}
	if _, _, failed = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_TIMERSLACK, timerSlack, 0); failed != 0 {
		return
	}
	_ = syscall.Exec(program, os.Args, append(os.Environ(), relaxedMark+"=true")) // after an error the program runs on as it is
}

// isTraced reports whether a debugger follows this process, or whether that cannot be found out.
func isTraced() bool {
	status, err := os.ReadFile("/proc/self/status")
	return err != nil || !bytes.Contains(status, []byte("\nTracerPid:\t0\n"))
}

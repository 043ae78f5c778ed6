package main

import (
	"bytes"
	"os"
	"runtime"
	"syscall"
)

const (
	// defaultTimerSlack is the timer slack that Linux gives to processes, in nanoseconds.
	defaultTimerSlack = 50_000
	// timerSlack is how late the kernel may wake a thread of this process, in nanoseconds.
	timerSlack = 1_000_000
	// relaxedMark is set in the environment of the program that replaces this one, so that it does not replace itself again.
	relaxedMark = "COMANDA_TIMERS_RELAXED"
)

// init keeps main on the main thread until relaxTimers has run. The kernel keeps the slack of the thread that calls execve, but the signal
// at the parent's death only if that is the main thread.
func init() { runtime.LockOSThread() }

// relaxTimers gives all threads of this process a timer slack of a millisecond, unless its parent has set a slack of its own. main calls it
// first.
//
// Go's runtime has a thread that watches the others (sysmon). In a busy program it sleeps for 20 µs at a time, which wakes the program
// more than a thousand times a second, and in a virtual machine each timer is a trap into the hypervisor. The slack makes 20 µs a
// millisecond. In services, sidecars and the broker together this saves a fifth of the processor time (docs/decisions/0028-timer-slack.md).
// Timers of Go fire up to a millisecond later.
//
// A thread inherits the slack of the thread that starts it, and sysmon starts before main. So the program sets the slack and replaces itself
// with execve, which keeps the process id, the slack, and the signal at the parent's death (PR_SET_TIMERSLACK(2const),
// PR_SET_PDEATHSIG(2const)). A program in a debugger stays as it is, because the debugger would lose its breakpoints.
func relaxTimers() {
	defer runtime.UnlockOSThread()
	if os.Getenv(relaxedMark) != "" {
		_ = os.Unsetenv(relaxedMark)
		return
	}
	slack, _, failed := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_TIMERSLACK, 0, 0)
	if failed != 0 || slack != defaultTimerSlack || isTraced() {
		return
	}
	program, err := os.Executable()
	if err != nil {
		return
	}
	if _, _, failed = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_TIMERSLACK, timerSlack, 0); failed != 0 {
		return
	}
	_ = syscall.Exec(program, os.Args, append(os.Environ(), relaxedMark+"=true"))
	// It failed, so the program runs on as it was.
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_TIMERSLACK, defaultTimerSlack, 0)
}

// isTraced reports whether a debugger follows this process, or whether that cannot be found out.
func isTraced() bool {
	status, err := os.ReadFile("/proc/self/status")
	return err != nil || !bytes.Contains(status, []byte("\nTracerPid:\t0\n"))
}

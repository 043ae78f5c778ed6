package main

import (
	"bytes"
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

const (
	// defaultTimerSlack is the timer slack that Linux gives to processes, in nanoseconds.
	defaultTimerSlack = 50_000
	// timerSlack is how late the kernel may wake a thread of this process, in nanoseconds.
	timerSlack = 1_000_000
	// defaultPolicy (SCHED_OTHER) and batchPolicy (SCHED_BATCH) are scheduling policies. See sched(7).
	defaultPolicy, batchPolicy = 0, 3
	// relaxedMark is set in the environment of the program that replaces this one, so that it does not replace itself again.
	relaxedMark = "COMANDA_SCHEDULING_RELAXED"
)

// init keeps main on the main thread until relaxScheduling has run. The kernel keeps the slack and the policy of the thread that calls
// execve, but the signal at the parent's death only if that is the main thread.
func init() { runtime.LockOSThread() }

// relaxScheduling lets the threads of this process wake less often, and lets them interrupt no other thread when they do: they get a timer
// slack of a millisecond and the policy SCHED_BATCH, unless the parent has set others. main calls it first. It saves a quarter of the
// processor time of services, sidecars and the broker (docs/decisions/0028-relaxed-scheduling.md).
//
// Go's runtime has a thread that watches the others (sysmon). In a busy program it sleeps for 20 µs at a time, which wakes the program
// more than a thousand times a second, and in a virtual machine each timer is a trap into the hypervisor. The slack makes 20 µs a
// millisecond. Timers of Go fire up to a millisecond later.
//
// With the default policy, a thread that wakes often takes the core from the thread that is running. A request crosses many programs, so
// each program interrupted the one that had called it, before that one was done.
//
// A thread inherits both from the thread that starts it, and sysmon starts before main. So the program sets them and replaces itself with
// execve, which keeps the process id, the slack, the policy, and the signal at the parent's death (PR_SET_TIMERSLACK(2const), sched(7),
// PR_SET_PDEATHSIG(2const)). A program in a debugger stays as it is, because the debugger would lose its breakpoints.
func relaxScheduling() {
	defer runtime.UnlockOSThread()
	if os.Getenv(relaxedMark) != "" {
		_ = os.Unsetenv(relaxedMark)
		return
	}
	program, err := os.Executable()
	if err != nil || isTraced() {
		return
	}
	slack := changeSlack(defaultTimerSlack, timerSlack)
	policy := changePolicy(defaultPolicy, batchPolicy)
	if !slack && !policy {
		return
	}
	_ = syscall.Exec(program, os.Args, append(os.Environ(), relaxedMark+"=true"))
	// It failed, so the program runs on as it was.
	if slack {
		changeSlack(timerSlack, defaultTimerSlack)
	}
	if policy {
		changePolicy(batchPolicy, defaultPolicy)
	}
}

// changeSlack changes this thread's timer slack, and reports whether it did.
func changeSlack(from, to uintptr) bool {
	slack, _, failed := syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_GET_TIMERSLACK, 0, 0)
	if failed != 0 || slack != from {
		return false
	}
	_, _, failed = syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_TIMERSLACK, to, 0)
	return failed == 0
}

// changePolicy changes this thread's scheduling policy, and reports whether it did. The nice value stays.
func changePolicy(from, to uintptr) bool {
	policy, _, failed := syscall.RawSyscall(syscall.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
	if failed != 0 || policy != from {
		return false
	}
	var priority int32 // must be 0
	_, _, failed = syscall.RawSyscall(syscall.SYS_SCHED_SETSCHEDULER, 0, to, uintptr(unsafe.Pointer(&priority)))
	return failed == 0
}

// isTraced reports whether a debugger follows this process, or whether that cannot be found out.
func isTraced() bool {
	status, err := os.ReadFile("/proc/self/status")
	return err != nil || !bytes.Contains(status, []byte("\nTracerPid:\t0\n"))
}

package chaos

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// insideNamespace is set in the environment of the test that runs in a mount namespace of its own.
const insideNamespace = "COMANDA_CHAOS_NAMESPACE"

// runInNamespace runs this program again, in a mount namespace of its own, and returns its exit code. The kernel unmounts what is mounted
// there when its last process has ended, also after a panic or kill -9. runInNamespace runs nothing if this process is already in such a
// namespace, or has no right to make one.
func runInNamespace() (code int, ran bool) {
	if os.Getenv(insideNamespace) != "" {
		return 0, false
	}
	runtime.LockOSThread() // the kernel ends the child with the thread that started it
	defer runtime.UnlockOSThread()
	again := exec.Command("/proc/self/exe", os.Args[1:]...)
	again.Args[0] = os.Args[0]
	again.Env = append(os.Environ(), insideNamespace+"=1")
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	again.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if again.Start() != nil {
		return 0, false
	}
	err := again.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || !exit.Exited()) {
		return 1, true
	}
	return again.ProcessState.ExitCode(), true
}

package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Identity tells one process from all others, past and present, on this
// machine: an id alone is given again to someone else.
type Identity struct {
	PID int `json:"pid"`
	// Started is the start time as the system gives it, only to be compared.
	Started string `json:"started"`
	// Name is what people call it: "postgres", "order sidecar".
	Name string `json:"name,omitempty"`
}

// ErrGone is the answer for a process that is not there (any more).
var ErrGone = errors.New("no such process")

// Of finds out the identity of the process that has this id now.
func Of(pid int) (Identity, error) {
	started, err := startedAt(pid)
	if err != nil {
		return Identity{}, err
	}
	return Identity{PID: pid, Started: started}, nil
}

// Alive says whether this very process is still there.
func (id Identity) Alive() bool {
	now, err := Of(id.PID)
	return err == nil && id.Started != "" && now.Started == id.Started
}

// End sends sig, waits up to grace for the process to go, and kills it then.
// It does nothing to a stranger that was given the same id.
func (id Identity) End(sig syscall.Signal, grace time.Duration) error {
	if !id.Alive() {
		return nil
	}
	if err := syscall.Kill(id.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end %s (process %d): %w", id.Name, id.PID, err)
	}
	if id.Gone(grace) {
		return nil
	}
	if err := syscall.Kill(id.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill %s (process %d): %w", id.Name, id.PID, err)
	}
	if !id.Gone(killGrace) {
		return fmt.Errorf("%s (process %d) does not end, not even by SIGKILL", id.Name, id.PID)
	}
	return nil
}

const (
	// killGrace is how long a killed process may take to be gone.
	killGrace = 5 * time.Second
	// goneInterval is how often a process that is no child of ours is looked at.
	goneInterval = 20 * time.Millisecond
)

// Gone waits until the process is not there any more, and says whether it is so.
func (id Identity) Gone(within time.Duration) bool {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(goneInterval)
	defer tick.Stop()
	for {
		if !id.Alive() {
			return true
		}
		select {
		case <-deadline.C:
			return !id.Alive()
		case <-tick.C:
		}
	}
}

// startedAt reads the start time in clock ticks since boot, with the boot's
// own id, from /proc; where there is none (macOS) it asks ps.
func startedAt(pid int) (string, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return startedByPs(pid)
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return "", ErrGone
	}
	// The second field is the program's name in parentheses and may hold
	// anything, so count from its end: state is field 3, start time field 22.
	_, rest, found := strings.Cut(string(stat[strings.LastIndexByte(string(stat), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 20 {
		return "", fmt.Errorf("cannot read the status of process %d", pid)
	}
	if fields[0] == "Z" || fields[0] == "X" {
		return "", ErrGone
	}
	return strings.TrimSpace(string(boot)) + "/" + fields[19], nil
}

func startedByPs(pid int) (string, error) {
	out, err := exec.Command("ps", "-o", "lstart=", "-p", strconv.Itoa(pid)).Output()
	if text := strings.TrimSpace(string(out)); err == nil && text != "" {
		return text, nil
	}
	return "", ErrGone
}

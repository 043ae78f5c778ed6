package process

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	ps "github.com/shirou/gopsutil/v4/process"
)

// Identity identifies one process on this machine. The kernel reuses ids, so it includes the start time.
type Identity struct {
	PID int `json:"pid"`
	// Started is the start time in Unix milliseconds.
	Started int64 `json:"started"`
	// Name is a name for people: "postgres", "order sidecar".
	Name string `json:"name,omitempty"`
}

// ErrGone means that the process does not exist.
var ErrGone = errors.New("no such process")

// startTolerance is how far a start time may shift: the system derives it from the boot time, which changes when the clock is
// set. An id is not reused that fast.
const startTolerance = 2 * time.Second

// Identify returns the identity of the process that has this id now. A zombie counts as gone.
func Identify(pid int) (Identity, error) {
	p, err := ps.NewProcess(int32(pid))
	if err != nil {
		return Identity{}, ErrGone
	}
	if status, err := p.Status(); err == nil && slices.Contains(status, ps.Zombie) {
		return Identity{}, ErrGone
	}
	started, err := p.CreateTime()
	if err != nil {
		return Identity{}, ErrGone
	}
	return Identity{PID: pid, Started: started}, nil
}

// Alive reports whether this very process still runs.
func (id Identity) Alive() bool {
	current, err := Identify(id.PID)
	return err == nil && id.Started != 0 && time.Duration(current.Started-id.Started).Abs()*time.Millisecond <= startTolerance
}

// Children returns the processes whose parent is pid.
func Children(pid int) []Identity {
	parent, err := ps.NewProcess(int32(pid))
	if err != nil {
		return nil
	}
	found, err := parent.Children()
	if err != nil {
		return nil
	}
	var children []Identity
	for _, child := range found {
		if id, err := Identify(int(child.Pid)); err == nil {
			id.Name, _ = child.Name()
			children = append(children, id)
		}
	}
	return children
}

// Memory returns the resident memory of a process in bytes.
func Memory(pid int) (int64, error) {
	p, err := ps.NewProcess(int32(pid))
	if err != nil {
		return 0, ErrGone
	}
	info, err := p.MemoryInfo()
	if err != nil {
		return 0, err
	}
	return int64(info.RSS), nil
}

// Signal sends sig, unless the process has ended. It leaves another process with the same id alone.
func (id Identity) Signal(sig syscall.Signal) error {
	if !id.Alive() {
		return nil
	}
	if err := syscall.Kill(id.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send %v to %s (process %d): %w", sig, id.Name, id.PID, err)
	}
	return nil
}

// End sends sig, waits up to grace for the process to end, and then kills it. It leaves another process with the same id alone.
func (id Identity) End(sig syscall.Signal, grace time.Duration) error {
	if !id.Alive() {
		return nil
	}
	if err := syscall.Kill(id.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("end %s (process %d): %w", id.Name, id.PID, err)
	}
	if id.AwaitEnd(grace) {
		return nil
	}
	if err := syscall.Kill(id.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("kill %s (process %d): %w", id.Name, id.PID, err)
	}
	if !id.AwaitEnd(killGrace) {
		return fmt.Errorf("%s (process %d) still runs %v after SIGKILL: end it by hand", id.Name, id.PID, killGrace)
	}
	return nil
}

const (
	// killGrace is how long a killed process may take to end.
	killGrace = 5 * time.Second
	// pollInterval is the time between two checks of a process that is not a child.
	pollInterval = 20 * time.Millisecond
)

// AwaitEnd waits for the process to end and reports whether it ended within that time.
func (id Identity) AwaitEnd(within time.Duration) bool {
	deadline := time.NewTimer(within)
	defer deadline.Stop()
	tick := time.NewTicker(pollInterval)
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

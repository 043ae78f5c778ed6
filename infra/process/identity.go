package process

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	ps "github.com/shirou/gopsutil/v4/process"
)

// Identity tells one process from all others on this machine: the kernel reuses ids.
type Identity struct {
	PID int `json:"pid"`
	// Started is the start time in Unix milliseconds.
	Started int64 `json:"started"`
	// Name is what people call it: "postgres", "order sidecar".
	Name string `json:"name,omitempty"`
}

// ErrGone means that there is no such process.
var ErrGone = errors.New("no such process")

// startTolerance covers what the start time may shift when the machine's clock is set: the system derives it from the boot
// time. An id is not reused that fast.
const startTolerance = 2 * time.Second

// Of returns the identity of the process that has this id now. A zombie counts as gone.
func Of(pid int) (Identity, error) {
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
	now, err := Of(id.PID)
	return err == nil && id.Started != 0 && time.Duration(now.Started-id.Started).Abs()*time.Millisecond <= startTolerance
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
		if id, err := Of(int(child.Pid)); err == nil {
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
	held, err := p.MemoryInfo()
	if err != nil {
		return 0, err
	}
	return int64(held.RSS), nil
}

// End sends sig, waits up to grace for the process to end, and then kills it. It leaves a stranger with the same id alone.
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
		return fmt.Errorf("%s (process %d) does not end, even by SIGKILL", id.Name, id.PID)
	}
	return nil
}

const (
	// killGrace is how long a killed process may take to be gone.
	killGrace = 5 * time.Second
	// goneInterval is how often a process that is no child of ours is polled.
	goneInterval = 20 * time.Millisecond
)

// Gone waits for the process to end and reports whether it did.
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

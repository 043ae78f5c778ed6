package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Process is a started child process.
type Process struct {
	cmd      *exec.Cmd
	identity Identity
	done     chan struct{}
	stopOnce sync.Once
	err      error
}

// Start runs cmd as a child. On Linux the kernel sends it onParentDeath when this process ends for any reason; elsewhere the next
// start ends it by its recorded identity. The caller sets all other attributes of cmd.
func Start(cmd *exec.Cmd, onParentDeath syscall.Signal) (*Process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	signalOnParentDeath(cmd.SysProcAttr, onParentDeath)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	// A child that has already ended has no identity and needs none.
	p.identity, _ = Identify(cmd.Process.Pid)
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Identity returns the child's identity, for WriteRecord.
func (p *Process) Identity() Identity { return p.identity }

// PID returns the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done returns a channel that is closed when the child has ended and its exit status has been read.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err waits for the child to end and returns nil for exit code 0.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Running reports whether the child still runs.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Stop sends sig once and waits for the child to end. It kills a child that still runs after grace.
func (p *Process) Stop(sig syscall.Signal, grace time.Duration) {
	p.stopOnce.Do(func() { _ = p.signal(sig) })
	select {
	case <-p.done:
	case <-time.After(grace):
		p.Kill()
	}
}

// Kill ends the child abruptly, as a power cut would, and waits for its end.
func (p *Process) Kill() {
	_ = p.signal(syscall.SIGKILL)
	<-p.done
}

// Freeze stops the child from running, as a hung machine would, until Thaw. Its connections stay open, and nothing reads from them.
func (p *Process) Freeze() error { return p.signal(syscall.SIGSTOP) }

// Thaw lets a frozen child continue.
func (p *Process) Thaw() error { return p.signal(syscall.SIGCONT) }

func (p *Process) signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

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

// Process is a child that was started and is being waited for.
type Process struct {
	cmd      *exec.Cmd
	identity Identity
	done     chan struct{}
	once     sync.Once
	err      error
}

// Start runs cmd as a child that gets onParentDeath when this process ends,
// however it ends (Linux only; elsewhere the next start clears it by its
// recorded identity). The caller sets everything else about cmd itself.
func Start(cmd *exec.Cmd, onParentDeath syscall.Signal) (*Process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	dieWithParent(cmd.SysProcAttr, onParentDeath)
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	// A child that ended already has no identity, and needs none.
	p.identity, _ = Of(cmd.Process.Pid)
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Identity is what a record of this process holds.
func (p *Process) Identity() Identity { return p.identity }

// PID is the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed once the child has ended and was waited for.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the child ended: nil for exit code 0. Only valid after Done.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// Running reports whether the child is still there.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Stop sends sig and waits; a child still there after grace is killed.
func (p *Process) Stop(sig syscall.Signal, grace time.Duration) {
	p.once.Do(func() { _ = p.signal(sig) })
	select {
	case <-p.done:
	case <-time.After(grace):
		p.Kill()
	}
}

// Kill ends the child as a power cut would, and waits for it.
func (p *Process) Kill() {
	_ = p.signal(syscall.SIGKILL)
	<-p.done
}

func (p *Process) signal(sig os.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

package system

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"comanda/infra/process"
)

// stopGrace is how long a part may take to end in good order.
const stopGrace = 15 * time.Second

// Program is one part of the system: a service, or the sidecar beside it.
type Program struct {
	// Name is "order", or "order sidecar"; further replicas are "order 2" and "order 2 sidecar".
	Name string

	path string
	args []string
	env  []string
	dir  string
	log  string

	mu      sync.Mutex
	running *process.Process
}

// Start runs the part, also again after Stop or Kill, on the same ports. It does not wait until the part is ready.
func (p *Program) Start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running != nil && p.running.Running() {
		return fmt.Errorf("%s runs already", p.Name)
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(p.path, p.args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, p.env, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's Ctrl-C is for the test alone
	p.running, err = process.Start(cmd, syscall.SIGKILL)
	return err
}

// Kill ends the part as a power cut would.
func (p *Program) Kill() {
	if running := p.process(); running != nil {
		running.Kill()
	}
}

// Stop ends the part in good order.
func (p *Program) Stop() {
	if running := p.process(); running != nil {
		running.Stop(syscall.SIGTERM, stopGrace)
	}
}

// Running says whether the part is there.
func (p *Program) Running() bool {
	running := p.process()
	return running != nil && running.Running()
}

// PID is the part's process id, 0 when it does not run.
func (p *Program) PID() int {
	if !p.Running() {
		return 0
	}
	return p.process().PID()
}

func (p *Program) process() *process.Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running
}

// Log is what the part has said so far, over all its starts.
func (p *Program) Log() string {
	text, err := os.ReadFile(p.log)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err.Error()
	}
	return string(text)
}

// lastLines are the last n lines of the part's log, each cut to a readable length.
func (p *Program) lastLines(n int) string {
	lines := strings.Split(strings.TrimSpace(p.Log()), "\n")
	lines = lines[max(0, len(lines)-n):]
	for i, line := range lines {
		lines[i] = line[:min(len(line), 400)]
	}
	return strings.Join(lines, "\n")
}

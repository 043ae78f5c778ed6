package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"comanda/infra"
	"comanda/infra/process"
)

// stopGrace is how long a program may take to end in good order.
const stopGrace = 15 * time.Second

// Program is a service, or the sidecar beside it. It can be started again after it ended, on the same ports.
type Program struct {
	// Name is "order" or "order sidecar"; further replicas are "order 2" and "order 2 sidecar".
	Name string
	// LogFile has all it has written, over all its starts.
	LogFile string

	path   string
	args   []string
	env    []string
	dir    string
	record string    // where its identity is written down; may be empty
	tee    io.Writer // gets what it writes as well; may be nil

	mu      sync.Mutex
	running *process.Process
	from    int64 // where its last start begins in the log
}

// Start runs the program and does not wait until it is ready.
func (p *Program) Start(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.running != nil && p.running.Running() {
		return fmt.Errorf("%s runs already", p.Name)
	}
	log, err := os.OpenFile(p.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	info, err := log.Stat()
	if err != nil {
		return err
	}
	p.from = info.Size()
	cmd := exec.Command(p.path, p.args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	cmd.Stdout, cmd.Stderr = log, log
	if p.tee != nil {
		both := io.MultiWriter(log, p.tee)
		cmd.Stdout, cmd.Stderr = both, both
		cmd.WaitDelay = time.Second // a grandchild may hold the pipe
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a terminal's Ctrl-C reaches the supervisor only
	running, err := process.Start(cmd, syscall.SIGKILL)
	if err != nil {
		_ = log.Close()
		return err
	}
	go func() {
		<-running.Done()
		_ = log.Close()
	}()
	p.running = running
	if p.record == "" {
		return nil
	}
	id := running.Identity()
	id.Name = p.Name
	if err := process.WriteRecord(p.record, id); err != nil {
		running.Kill() // or the next start would find it running
		return err
	}
	return nil
}

// Kill ends the program as a power cut would.
func (p *Program) Kill() {
	if running := p.process(); running != nil {
		running.Kill()
	}
}

// Stop ends the program in good order, and kills it when that takes too long.
func (p *Program) Stop() { p.stop(stopGrace) }

func (p *Program) stop(grace time.Duration) {
	if running := p.process(); running != nil {
		running.Stop(syscall.SIGTERM, grace)
	}
	if p.record != "" {
		_ = process.RemoveRecord(p.record)
	}
}

// Running reports whether the program runs.
func (p *Program) Running() bool {
	running := p.process()
	return running != nil && running.Running()
}

// Exited is closed when the program has ended, however it ended; nil before the first start.
func (p *Program) Exited() <-chan struct{} {
	if running := p.process(); running != nil {
		return running.Done()
	}
	return nil
}

// Err says how the program ended: nil for exit status 0. It waits for the end.
func (p *Program) Err() error {
	if running := p.process(); running != nil {
		return running.Err()
	}
	return nil
}

// PID is the program's process id; 0 when it does not run.
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

// Log returns all that the program has written.
func (p *Program) Log() string {
	text, err := os.ReadFile(p.LogFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err.Error()
	}
	return string(text)
}

// LastLines returns the last n lines that the program has written since its last start, each cut to a readable length.
func (p *Program) LastLines(n int) []string {
	p.mu.Lock()
	from := p.from
	p.mu.Unlock()
	return infra.LastLines(p.LogFile, from, n)
}

// ClearLeftovers ends the programs that an earlier run recorded in folder and that still run, and returns their names.
func ClearLeftovers(folder string) (ended []string, err error) {
	records, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		id, _ := process.ReadRecord(record)
		was, err := process.EndRecorded(record, syscall.SIGKILL, stopGrace)
		if err != nil {
			return ended, err
		}
		if was {
			ended = append(ended, id.Name)
		}
	}
	return ended, nil
}

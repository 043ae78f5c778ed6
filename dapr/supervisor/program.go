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
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"comanda/infra"
	"comanda/infra/process"
)

// stopGrace bounds a clean shutdown. After it the program is killed.
const stopGrace = 15 * time.Second

// Program is a service or a sidecar. It can be restarted on the same ports after it has ended.
type Program struct {
	// Name is "order" or "order sidecar"; further replicas are "order 2" and "order 2 sidecar".
	Name string
	// LogFile contains the output of all its runs.
	LogFile string

	path   string
	args   []string
	env    []string
	dir    string
	record string    // the file for its identity; may be empty
	tee    io.Writer // a second writer for its output; may be nil

	mu       sync.Mutex
	running  *process.Process
	logStart int64 // the offset in the log at which the last run begins
}

// SetEnv sets a variable of the program's environment for its next start.
func (p *Program) SetEnv(name, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.env = slices.DeleteFunc(p.env, func(line string) bool { return strings.HasPrefix(line, name+"=") })
	p.env = append(p.env, name+"="+value)
}

// Start starts the program and records its identity for ClearLeftovers. It does not wait until the program is ready.
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
	p.logStart = info.Size()
	cmd := exec.Command(p.path, p.args...)
	cmd.Dir, cmd.Env = p.dir, p.env
	cmd.Stdout, cmd.Stderr = log, log
	if p.tee != nil {
		both := io.MultiWriter(log, p.tee)
		cmd.Stdout, cmd.Stderr = both, both
		cmd.WaitDelay = time.Second // a grandchild may hold the pipe
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // the terminal's Ctrl-C reaches only the supervisor
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
		running.Kill() // without a record the next run could not end it
		return err
	}
	return nil
}

// Kill ends the program abruptly, as a power cut would.
func (p *Program) Kill() {
	if running := p.current(); running != nil {
		running.Kill()
	}
}

// Freeze stops the program from running until Thaw, as a hung machine would. Its connections stay open.
func (p *Program) Freeze() error {
	if running := p.current(); running != nil {
		return running.Freeze()
	}
	return nil
}

// Thaw lets a frozen program continue.
func (p *Program) Thaw() error {
	if running := p.current(); running != nil {
		return running.Thaw()
	}
	return nil
}

// Stop shuts the program down cleanly, and kills it if that takes longer than stopGrace. It removes the program's record.
func (p *Program) Stop() { p.stopWithin(stopGrace) }

func (p *Program) stopWithin(grace time.Duration) {
	if running := p.current(); running != nil {
		running.Stop(syscall.SIGTERM, grace)
	}
	if p.record != "" {
		_ = process.RemoveRecord(p.record)
	}
}

// Running reports whether the program runs.
func (p *Program) Running() bool {
	running := p.current()
	return running != nil && running.Running()
}

// Exited returns a channel that is closed when the program has ended for any reason; nil before the first start.
func (p *Program) Exited() <-chan struct{} {
	if running := p.current(); running != nil {
		return running.Done()
	}
	return nil
}

// Err waits for the program's end and returns nil for exit status 0, and before the first start.
func (p *Program) Err() error {
	if running := p.current(); running != nil {
		return running.Err()
	}
	return nil
}

// PID returns the program's process id; 0 if it does not run.
func (p *Program) PID() int {
	if !p.Running() {
		return 0
	}
	return p.current().PID()
}

// current returns the process of the last start; nil before the first one.
func (p *Program) current() *process.Process {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.running
}

// Log returns the output of all the program's runs.
func (p *Program) Log() string {
	text, err := os.ReadFile(p.LogFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err.Error()
	}
	return string(text)
}

// LastLines returns the last n lines of the program's last run. It cuts long lines to a readable length.
func (p *Program) LastLines(n int) []string {
	p.mu.Lock()
	start := p.logStart
	p.mu.Unlock()
	return infra.LastLines(p.LogFile, start, n)
}

// ClearLeftovers ends the programs of an earlier run that are recorded in folder and still run. It returns their names.
func ClearLeftovers(folder string) (ended []string, err error) {
	records, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	for _, record := range records {
		id, _ := process.ReadRecord(record)
		wasRunning, err := process.EndRecorded(record, syscall.SIGKILL, stopGrace)
		if err != nil {
			return ended, err
		}
		if wasRunning {
			ended = append(ended, id.Name)
		}
	}
	return ended, nil
}

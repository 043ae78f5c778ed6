package infra

import (
	"os/exec"
	"sync"
	"syscall"

	"comanda/infra/process"
)

// child holds the current process of a server that can be restarted. A supervisor may start it while a test kills it.
type child struct {
	mu      sync.Mutex
	running *process.Process
}

// start runs cmd and records its identity under name. The kernel sends onParentDeath to it when this process ends. A predecessor
// that did not become ready in time may still run. It is killed first, because both would use the same data and port.
func (c *child) start(cmd *exec.Cmd, onParentDeath syscall.Signal, name, record string) error {
	if predecessor := c.current(); predecessor != nil && predecessor.Running() {
		predecessor.Kill()
	}
	running, err := process.Start(cmd, onParentDeath)
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.running = running
	c.mu.Unlock()
	id := running.Identity()
	id.Name = name
	return process.WriteRecord(record, id)
}

// current returns the current process; nil before the first start.
func (c *child) current() *process.Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running
}

// pid returns the id of the current process; 0 before the first start.
func (c *child) pid() int {
	if running := c.current(); running != nil {
		return running.PID()
	}
	return 0
}

// exited returns a channel that is closed when the current process has ended; nil before the first start.
func (c *child) exited() <-chan struct{} {
	if running := c.current(); running != nil {
		return running.Done()
	}
	return nil
}

package infra

import (
	"os/exec"
	"sync"
	"syscall"

	"comanda/infra/process"
)

// child is the present process of a server that can be started again. A supervisor may start it while a test kills it.
type child struct {
	mu      sync.Mutex
	running *process.Process
}

// start runs cmd, which gets onParentDeath when this process ends, and records its identity under name. A predecessor that
// still runs, because it did not become ready in time, is killed first: both would use the same data and port.
func (c *child) start(cmd *exec.Cmd, onParentDeath syscall.Signal, name, record string) error {
	if before := c.current(); before != nil && before.Running() {
		before.Kill()
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
	return process.Record(record, id)
}

// current is nil before the first start.
func (c *child) current() *process.Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running
}

// done is closed when the present process has ended; nil before the first start.
func (c *child) done() <-chan struct{} {
	if running := c.current(); running != nil {
		return running.Done()
	}
	return nil
}

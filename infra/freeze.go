package infra

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"

	"comanda/infra/process"
)

// freezer is a server whose processes can be frozen and thawed. A container and an external server are no freezer.
type freezer interface {
	freeze() error
	thaw() error
}

// errNotOurs is the error of operations that need a server which runs as a process of this machine.
var errNotOurs = errors.New("the server is no process of this machine: choose COMANDA_BACKING=embedded or apache")

// Freeze stops every process of the server from running until Thaw, as a hung machine would. Connections stay open.
func (p *Postgres) Freeze() error { return wrap("freeze postgres", freeze(p.server)) }

// Thaw lets a frozen server continue.
func (p *Postgres) Thaw() error { return wrap("thaw postgres", thaw(p.server)) }

// Freeze stops the broker from running until Thaw, as a hung machine would. Connections stay open.
func (k *Kafka) Freeze() error { return wrap("freeze kafka", freeze(k.server)) }

// Thaw lets a frozen broker continue.
func (k *Kafka) Thaw() error { return wrap("thaw kafka", thaw(k.server)) }

func freeze(s server) error {
	if s, ok := s.(freezer); ok {
		return s.freeze()
	}
	return errNotOurs
}

func thaw(s server) error {
	if s, ok := s.(freezer); ok {
		return s.thaw()
	}
	return errNotOurs
}

// freeze stops the postmaster first, so that it starts no further child.
func (c *cluster) freeze() error {
	running := c.process.current()
	if running == nil {
		return nil
	}
	err := running.Freeze()
	for _, child := range process.Children(running.PID()) {
		err = errors.Join(err, child.Signal(syscall.SIGSTOP))
	}
	return err
}

func (c *cluster) thaw() error {
	running := c.process.current()
	if running == nil {
		return nil
	}
	var err error
	for _, child := range process.Children(running.PID()) {
		err = errors.Join(err, child.Signal(syscall.SIGCONT))
	}
	return errors.Join(err, running.Thaw())
}

func (b *brokerProcess) freeze() error {
	if running := b.child.current(); running != nil {
		return running.Freeze()
	}
	return nil
}

func (b *brokerProcess) thaw() error {
	if running := b.child.current(); running != nil {
		return running.Thaw()
	}
	return nil
}

// Lose kills the broker and deletes its records, offsets and topics, as a lost disk would. Start, or a supervisor, then starts an
// empty broker.
func (k *Kafka) Lose(ctx context.Context) error {
	b, ok := k.server.(*brokerProcess)
	if !ok {
		return fmt.Errorf("lose the data of kafka: %w", errNotOurs)
	}
	// Moved away while the broker runs: a supervisor restarts it as soon as it has ended.
	lost := b.dataDir() + ".lost"
	if err := errors.Join(os.RemoveAll(lost), os.Rename(b.dataDir(), lost), makePrivateDir(b.dataDir())); err != nil {
		return fmt.Errorf("lose the data of kafka: %w", err)
	}
	if b.restore != nil {
		if err := b.restore(ctx); err != nil {
			return fmt.Errorf("lose the data of kafka: %w", err)
		}
	}
	return errors.Join(k.Kill(ctx), os.RemoveAll(lost))
}

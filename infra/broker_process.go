package infra

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"comanda/infra/build"
	"comanda/infra/port"
	"comanda/infra/process"

	"comanda/services/comanda/kafka"
)

// brokerProcess is a Kafka broker that runs as a child process: the embedded broker or Apache Kafka, which differ in their
// command.
type brokerProcess struct {
	options Options
	command func() (*exec.Cmd, error)
	// restore makes an empty data folder usable; nil if the broker can start on an empty folder.
	restore func(context.Context) error
	child   child
	unlock  func()
}

func (b *brokerProcess) dataDir() string    { return filepath.Join(b.options.Dir, "kafka") }
func (b *brokerProcess) recordPath() string { return filepath.Join(b.options.Dir, "kafka.process") }
func (b *brokerProcess) logPath() string    { return filepath.Join(b.options.logDir(), "kafka.log") }

// prepare locks the data against a second system and ends the broker of an earlier run that was killed.
func (b *brokerProcess) prepare() error {
	if err := makePrivateDir(b.dataDir()); err != nil {
		return err
	}
	if err := b.lock(); err != nil {
		return err
	}
	cleared, err := process.EndRecorded(b.recordPath(), syscall.SIGTERM, stopGrace)
	if err != nil {
		b.release()
		return err
	}
	if cleared {
		b.options.logf("Kafka: stopped the broker of an earlier run")
	}
	return nil
}

// lock locks the data against a second system. release unlocks it.
func (b *brokerProcess) lock() (err error) {
	if b.unlock != nil {
		return nil
	}
	b.unlock, err = process.Lock(filepath.Join(b.options.Dir, "kafka.lock"))
	return wrap("lock the data in "+b.dataDir(), err)
}

func (b *brokerProcess) release() {
	if b.unlock != nil {
		b.unlock()
		b.unlock = nil
	}
}

// start starts the process. It does not wait until the broker is ready.
func (b *brokerProcess) start(context.Context) error {
	if err := b.lock(); err != nil {
		return err
	}
	cmd, err := b.command()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(b.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log
	// Its own process group keeps Ctrl-C away from the broker. The launcher receives it and stops the sidecars before the broker.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return b.child.start(cmd, syscall.SIGTERM, "kafka broker", b.recordPath())
}

func (b *brokerProcess) stop(context.Context) error {
	if running := b.child.current(); running != nil {
		running.Stop(syscall.SIGTERM, stopGrace)
	}
	b.release()
	return process.RemoveRecord(b.recordPath())
}

func (b *brokerProcess) kill(context.Context) error {
	if running := b.child.current(); running != nil {
		running.Kill()
	}
	return nil
}

func (b *brokerProcess) exited() <-chan struct{} { return b.child.exited() }

// newEmbeddedKafka builds the embedded broker and prepares its start.
func newEmbeddedKafka(ctx context.Context, options Options) (*Kafka, error) {
	program, err := build.Broker(ctx, options.Log)
	if err != nil {
		return nil, err
	}
	if options.Port == 0 {
		free, err := port.Reserve()
		if err != nil {
			return nil, err
		}
		options.Port = free
	}
	b := &brokerProcess{options: options}
	if err := b.prepare(); err != nil {
		return nil, err
	}
	b.command = func() (*exec.Cmd, error) {
		cmd := exec.Command(program, "-port", strconv.Itoa(options.Port), "-data", b.dataDir())
		// Nothing is ever written to this pipe. It closes when this process ends, and then the broker ends too.
		if _, err := cmd.StdinPipe(); err != nil {
			return nil, err
		}
		return cmd, nil
	}
	address := "127.0.0.1:" + strconv.Itoa(options.Port)
	return &Kafka{
		server:   b,
		settings: kafka.Settings{Brokers: address},
		note:     fmt.Sprintf("embedded broker (kfake) on %s, data in %s", address, b.dataDir()),
		exit:     b.exited, pid: b.child.pid,
	}, nil
}

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
)

// brokerProcess is a Kafka broker that runs as a child of ours: the embedded
// one or Apache's. They differ in the command.
type brokerProcess struct {
	options Options
	command func() (*exec.Cmd, error)
	child   child
	unlock  func()
}

func (b *brokerProcess) data() string   { return filepath.Join(b.options.Dir, "kafka") }
func (b *brokerProcess) record() string { return filepath.Join(b.options.Dir, "kafka.process") }
func (b *brokerProcess) log() string    { return filepath.Join(b.options.logs(), "kafka.log") }

// prepare refuses a second system on the same data and clears what a killed
// run left behind.
func (b *brokerProcess) prepare() error {
	if err := private(b.data()); err != nil {
		return err
	}
	if err := b.lock(); err != nil {
		return err
	}
	ended, err := process.Clear(b.record(), syscall.SIGTERM, stopGrace)
	if err != nil {
		b.release()
		return err
	}
	if ended {
		b.options.say("Kafka: ended the broker an earlier run left behind")
	}
	return nil
}

func (b *brokerProcess) lock() (err error) {
	if b.unlock != nil {
		return nil
	}
	b.unlock, err = process.Lock(filepath.Join(b.options.Dir, "kafka.lock"))
	return wrap("the data in "+b.data(), err)
}

func (b *brokerProcess) release() {
	if b.unlock != nil {
		b.unlock()
		b.unlock = nil
	}
}

func (b *brokerProcess) start(context.Context) error {
	if err := b.lock(); err != nil {
		return err
	}
	cmd, err := b.command()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(b.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd.Stdout, cmd.Stderr = log, log
	// A terminal's Ctrl-C reaches the launcher only, which stops the sidecars first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return b.child.start(cmd, syscall.SIGTERM, "kafka broker", b.record())
}

func (b *brokerProcess) stop(context.Context) error {
	if running := b.child.current(); running != nil {
		running.Stop(syscall.SIGTERM, stopGrace)
	}
	b.release()
	return process.Forget(b.record())
}

func (b *brokerProcess) kill(context.Context) error {
	if running := b.child.current(); running != nil {
		running.Kill()
	}
	return nil
}

func (b *brokerProcess) exited() <-chan struct{} { return b.child.done() }

func embeddedKafka(ctx context.Context, options Options) (*Kafka, error) {
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
		cmd := exec.Command(program, "-port", strconv.Itoa(options.Port), "-data", b.data())
		// Never written to: it ends when we do, and the broker with it.
		if _, err := cmd.StdinPipe(); err != nil {
			return nil, err
		}
		return cmd, nil
	}
	address := "127.0.0.1:" + strconv.Itoa(options.Port)
	return &Kafka{
		server:  b,
		brokers: address,
		note:    fmt.Sprintf("the embedded broker (kfake) on %s, data in %s", address, b.data()),
		exit:    b.exited,
	}, nil
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// command is what was asked for.
type command struct {
	verbose, stock bool
	args           []string
}

func run(args []string, out, problems io.Writer) int {
	asked, err := parse(args, problems)
	if err != nil {
		return 2
	}
	ctx, stop := untilStopped()
	defer stop()
	if err := asked.run(ctx, out); err != nil && !errors.Is(err, errStopped) {
		_, _ = fmt.Fprintln(problems, err)
		return 1
	}
	return 0
}

func parse(args []string, problems io.Writer) (command, error) {
	var asked command
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(problems)
	flags.BoolVar(&asked.verbose, "v", false, "show all that services and sidecars say")
	flags.BoolVar(&asked.stock, "stock", false, "run on Dapr's own outbox instead of ours")
	flags.Usage = func() {
		_, _ = fmt.Fprintln(problems, "usage: local [-v] [-stock] [build | start SERVICE]")
		flags.PrintDefaults()
	}
	err := flags.Parse(args)
	asked.args = flags.Args()
	return asked, err
}

func (c command) run(ctx context.Context, out io.Writer) error {
	place, err := findPlace()
	if err != nil {
		return err
	}
	switch {
	case len(c.args) == 0:
		return up(ctx, place, c, newConsole(out, c.verbose))
	case c.args[0] == "start" && len(c.args) == 1:
		return errors.New("say which: make start SERVICE=order (or auth, user, product, gateway)")
	case c.args[0] == "build" && len(c.args) == 1:
		return buildAll(ctx, newConsole(out, true), c.stock)
	case c.args[0] == "start" && len(c.args) == 2:
		return askToStart(ctx, place, c.args[1], out)
	default:
		return fmt.Errorf("unknown command %q: say nothing, build, or start SERVICE", c.args)
	}
}

// errStopped is the reason to end that is no failure.
var errStopped = errors.New("stopped")

// parentInterval is how often we look whether our parent is still there.
const parentInterval = 300 * time.Millisecond

// untilStopped ends with Ctrl-C, SIGTERM, the terminal, or our parent: what
// make or go run started must not outlive it.
func untilStopped() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// Whoever read our output may be gone, and we still have things to end.
	signal.Ignore(syscall.SIGPIPE)
	parent := os.Getppid()
	go func() {
		tick := time.NewTicker(parentInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-signals:
				cancel(errStopped)
			case <-tick.C:
				if os.Getppid() != parent {
					cancel(errStopped)
				}
			}
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}

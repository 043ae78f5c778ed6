package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"comanda/services"
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
	flags.BoolVar(&asked.verbose, "v", false, "show everything that services and sidecars log")
	flags.BoolVar(&asked.stock, "stock", false, "run on Dapr's own outbox instead of ours")
	flags.Usage = func() {
		_, _ = fmt.Fprintln(problems, "usage: local [-v] [-stock] [build | cli | deps | restart SERVICE]")
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
	name, rest := "", []string(nil)
	if len(c.args) > 0 {
		name, rest = c.args[0], c.args[1:]
	}
	switch {
	case name == "restart" && len(rest) == 1:
		return restart(ctx, place, rest[0], newConsole(out, false))
	case name == "restart":
		return fmt.Errorf("name one service: make restart SERVICE=order (one of %s)", strings.Join(services.Names, ", "))
	case len(rest) > 0:
		return fmt.Errorf("unexpected arguments %q: see `make help`", rest)
	case name == "":
		return newLauncher(place, newConsole(out, c.verbose), c.stock).up(ctx)
	case name == "deps":
		return newLauncher(place, newConsole(out, c.verbose), c.stock).deps(ctx)
	case name == "build":
		return buildAll(ctx, newConsole(out, true), c.stock)
	case name == "cli":
		return buildCLI(ctx, place, newConsole(out, true))
	default:
		return fmt.Errorf("unknown command %q: use none, build, cli, deps, or restart SERVICE", name)
	}
}

// errStopped is the reason to end that is no failure.
var errStopped = errors.New("stopped")

// parentInterval is how often the parent process is looked for.
const parentInterval = 300 * time.Millisecond

// untilStopped returns a context that ends by Ctrl-C, by SIGTERM, with the terminal, or with our parent: what make or a
// script started must not outlive it.
func untilStopped() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// The reader of our output may be gone while there is still something to stop.
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

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

// command is the parsed command line.
type command struct {
	verbose, stock bool
	args           []string
}

// run runs the command line and returns the exit code: 2 for an invalid call, 1 for a failure.
func run(args []string, stdout, stderr io.Writer) int {
	c, err := parseArgs(args, stderr)
	if err != nil {
		return 2
	}
	ctx, stop := stopContext()
	defer stop()
	if err := c.run(ctx, stdout); err != nil && !errors.Is(err, errStopped) {
		_, _ = fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func parseArgs(args []string, stderr io.Writer) (command, error) {
	var c command
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&c.verbose, "v", false, "print all log lines of services and sidecars")
	flags.BoolVar(&c.stock, "stock", false, "run on unmodified daprd instead of our daprd")
	err := flags.Parse(args)
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "%v: ARGS can be -v (print all log lines) and -stock (run on unmodified daprd); `make help` lists the commands\n", err)
	}
	c.args = flags.Args()
	return c, err
}

// run runs the named command; without a name it runs the whole system.
func (c command) run(ctx context.Context, stdout io.Writer) error {
	p, err := findPaths()
	if err != nil {
		return err
	}
	name, rest := "", []string(nil)
	if len(c.args) > 0 {
		name, rest = c.args[0], c.args[1:]
	}
	switch {
	case name == "restart" && len(rest) == 1:
		return restartService(ctx, p, rest[0], newConsole(stdout, false))
	case name == "restart":
		return fmt.Errorf("name one service: make restart SERVICE=order (one of %s)", strings.Join(services.Names, ", "))
	case len(rest) > 0:
		return fmt.Errorf("unexpected arguments %q: see `make help`", rest)
	case name == "":
		return newLauncher(p, newConsole(stdout, c.verbose), c.stock).runSystem(ctx)
	case name == "deps":
		return newLauncher(p, newConsole(stdout, c.verbose), c.stock).runDeps(ctx)
	case name == "build":
		return buildAll(ctx, newConsole(stdout, true), c.stock)
	case name == "cli":
		return buildCLI(ctx, p, newConsole(stdout, true))
	default:
		return fmt.Errorf("unknown command %q: use build, cli, deps, restart SERVICE, or no command to run the system", name)
	}
}

// errStopped is the cause of a regular stop, which is not a failure.
var errStopped = errors.New("stopped")

// parentInterval is the time between two checks of the parent process.
const parentInterval = 300 * time.Millisecond

// stopContext returns a context that ends on Ctrl-C, on SIGTERM, with the terminal, or with the parent process: the system
// must not outlive the make or the script that started it.
func stopContext() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	// The reader of the output may end before the system has stopped.
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

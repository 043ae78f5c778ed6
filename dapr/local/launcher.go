package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"comanda/dapr/supervisor"
	"comanda/infra"
	"comanda/infra/port"
	"comanda/infra/process"
	"comanda/services/secret"
)

// launcher runs one system until it is stopped or fails.
type launcher struct {
	paths   paths
	console *console
	stock   bool
	// choosePorts returns the ports of dapr.yaml, except in tests.
	choosePorts func(supervisor.App) (supervisor.Ports, error)

	plan      supervisor.Plan
	ports     map[string]supervisor.Ports // by app
	settings  map[string]string
	servers   *infra.Servers
	pairs     []*supervisor.Pair
	reporters map[string]*reporter // by program
	dashboard *process.Process     // the Dapr dashboard; nil if it is not installed

	announcing sync.WaitGroup // the goroutines that announce a pair when it is ready

	mu       sync.Mutex
	started  bool            // whether the whole system was ready once
	awaiting map[string]bool // the apps that have a goroutine in announceRestart
}

func newLauncher(p paths, console *console, stock bool) *launcher {
	return &launcher{
		paths: p, console: console, stock: stock, reporters: map[string]*reporter{}, awaiting: map[string]bool{},
		choosePorts: func(app supervisor.App) (supervisor.Ports, error) { return app.FixedPorts(gatewayMetricsPort()) },
	}
}

// runSystem runs the whole system until ctx ends or the system fails.
func (l *launcher) runSystem(ctx context.Context) error {
	unlock, err := process.Lock(l.paths.lock())
	if err != nil {
		return fmt.Errorf("`make run` or `make deps` runs already (%s is %w): stop it; to replace one service of a running `make run`, use `make restart SERVICE=order`",
			l.paths.relative(l.paths.state), err)
	}
	defer unlock()
	if err := l.endLeftovers(); err != nil {
		return err
	}
	if err := l.configure(portsNeeded); err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	keeper := l.newSupervisor(ctx, fail)
	defer l.stopSystem(keeper, fail)
	defer l.removeEnvironment()
	if err := l.buildAndStartServers(ctx); err != nil {
		return causeOr(ctx, err)
	}
	if err := l.writeEnvironment(); err != nil {
		return err
	}
	if err := l.startPairs(ctx, keeper); err != nil {
		return causeOr(ctx, err)
	}
	l.startReporting(ctx)
	l.announcing.Go(func() { l.announceReady(ctx) })
	<-ctx.Done()
	return context.Cause(ctx)
}

// causeOr returns the cause of ctx's end, or err while ctx has not ended. An error after the end is only a consequence of it.
func causeOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// endLeftovers ends the programs of an earlier run that was killed. They may occupy the ports of this one.
func (l *launcher) endLeftovers() error {
	ended, err := supervisor.ClearLeftovers(l.paths.processes())
	if err == nil && len(ended) > 0 {
		l.console.printLine("all", "stopped programs of an earlier run: %s", strings.Join(ended, ", "))
	}
	return err
}

// portUse says whether the launcher itself starts the programs that listen on the plan's ports.
type portUse bool

const (
	portsNeeded portUse = true
	portsUnused portUse = false // the launcher starts only Postgres and Kafka
)

// configure sets the launcher's plan, ports and settings, before anything starts. Its error names all invalid settings and,
// if the ports are needed, all ports in use, one per line.
func (l *launcher) configure(use portUse) (err error) {
	if l.plan, err = supervisor.ReadPlan(l.paths.root); err != nil {
		return err
	}
	environ := secret.Environ(os.Environ())
	problems := invalidSettings(environ)
	l.ports = map[string]supervisor.Ports{}
	purposes := map[int]string{}
	for _, app := range l.plan.Apps {
		if l.ports[app.ID], err = l.choosePorts(app); err != nil {
			return err
		}
		maps.Copy(purposes, l.ports[app.ID].Purposes(app.ID))
	}
	if use == portsNeeded {
		if err := port.CheckFree(purposes); err != nil {
			problems = append(problems, err.Error())
		}
	}
	if len(problems) > 0 {
		return errors.New(strings.Join(problems, "\n"))
	}
	url := fmt.Sprintf("http://127.0.0.1:%d", l.ports["gateway"].App)
	l.settings, err = loadSettings(l.paths.secrets(), url, environ)
	return err
}

// buildAndStartServers moves the last run's logs aside, and then builds the programs while Postgres and Kafka start.
func (l *launcher) buildAndStartServers(ctx context.Context) error {
	if err := l.paths.removeOldFiles(); err != nil {
		return err
	}
	tasks, ctx := errgroup.WithContext(ctx)
	tasks.Go(func() error { return buildAll(ctx, l.console, l.stock) })
	tasks.Go(func() error { return l.startServers(ctx) })
	return tasks.Wait()
}

func (l *launcher) startServers(ctx context.Context) (err error) {
	kind, err := infra.KindFromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	options := infra.Options{Dir: l.paths.state, Kind: kind, Log: l.console.writer("postgres")}
	kafkaOptions := options
	kafkaOptions.Log = l.console.writer("kafka")
	l.servers, err = infra.StartServers(ctx, options, kafkaOptions)
	return err
}

// stopSystem shuts everything down cleanly: gateway, sidecars, services, Kafka, Postgres.
func (l *launcher) stopSystem(keeper *supervisor.Supervisor, fail context.CancelCauseFunc) {
	fail(errStopped)
	started := time.Now()
	l.console.printLine("all", "stopping")
	keeper.Wait()
	l.announcing.Wait()
	l.stopDashboard()
	supervisor.StopPairs(l.pairs)
	if l.servers != nil {
		if err := l.servers.Stop(context.Background()); err != nil {
			l.console.printLine("all", "%v", err)
		}
	}
	l.console.printLine("all", "stopped (%.1f s)", time.Since(started).Seconds())
}

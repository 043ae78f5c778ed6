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

// launcher runs one system until it is stopped, or cannot go on.
type launcher struct {
	place   place
	console *console
	stock   bool
	// ports are those of dapr.yaml, except in tests.
	ports func(supervisor.App) (supervisor.Ports, error)

	plan     supervisor.Plan
	given    map[string]supervisor.Ports // by app
	settings map[string]string
	servers  *infra.Servers
	pairs    []*supervisor.Pair
	reports  map[string]*reporter // by program
	board    *process.Process     // the Dapr dashboard, where there is one

	announcing sync.WaitGroup // what waits for a pair and says that it is ready

	mu      sync.Mutex
	started bool            // everything was ready once
	waited  map[string]bool // the apps that are waited for after a restart
}

func newLauncher(p place, console *console, stock bool) *launcher {
	return &launcher{
		place: p, console: console, stock: stock, reports: map[string]*reporter{}, waited: map[string]bool{},
		ports: func(app supervisor.App) (supervisor.Ports, error) { return app.FixedPorts(gatewayMetrics()) },
	}
}

// up runs the whole system.
func (l *launcher) up(ctx context.Context) error {
	unlock, err := process.Lock(l.place.lock())
	if err != nil {
		return fmt.Errorf("it runs already (%s is %w): stop that one first; `make restart SERVICE=order` replaces one service in it",
			l.place.relative(l.place.state), err)
	}
	defer unlock()
	if err := l.check(true); err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	keeper := l.keeper(ctx, fail)
	defer l.stop(keeper, fail)
	if err := l.prepare(ctx); err != nil {
		return stoppedOr(ctx, err)
	}
	if err := l.startPairs(ctx, keeper); err != nil {
		return stoppedOr(ctx, err)
	}
	l.startReporting(ctx)
	l.announcing.Go(func() { l.announceReady(ctx) })
	<-ctx.Done()
	return context.Cause(ctx)
}

// stoppedOr hides an error that is only the consequence of being stopped.
func stoppedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// check clears what a killed run left, and finds what is in the way before anything starts: all of it at once, one line each.
func (l *launcher) check(ports bool) (err error) {
	if l.plan, err = supervisor.ReadPlan(l.place.root); err != nil {
		return err
	}
	if ended, err := supervisor.ClearLeftovers(l.place.processes()); err != nil {
		return err
	} else if len(ended) > 0 {
		l.console.say("all", "ended what an earlier run left behind: %s", strings.Join(ended, ", "))
	}
	environ := secret.Environ(os.Environ())
	problems := wrongSettings(environ)
	l.given = map[string]supervisor.Ports{}
	purposes := map[int]string{}
	for _, app := range l.plan.Apps {
		if l.given[app.ID], err = l.ports(app); err != nil {
			return err
		}
		maps.Copy(purposes, l.given[app.ID].Purposes(app.ID))
	}
	if ports {
		if err := port.CheckFree(purposes); err != nil {
			problems = append(problems, err.Error())
		}
	}
	if len(problems) > 0 {
		return errors.New(strings.Join(problems, "\n"))
	}
	url := fmt.Sprintf("http://127.0.0.1:%d", l.given["gateway"].App)
	l.settings, err = loadSettings(l.place.secrets(), url, environ)
	return err
}

// prepare starts Postgres and Kafka while it brings the programs up to date.
func (l *launcher) prepare(ctx context.Context) error {
	if err := l.place.beginAfresh(); err != nil {
		return err
	}
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return buildAll(ctx, l.console, l.stock) })
	all.Go(func() error { return l.startServers(ctx) })
	return all.Wait()
}

func (l *launcher) startServers(ctx context.Context) (err error) {
	kind, err := infra.KindFromEnvironment(os.Getenv)
	if err != nil {
		return err
	}
	options := infra.Options{Dir: l.place.state, Kind: kind, Log: l.console.writer("postgres")}
	forKafka := options
	forKafka.Log = l.console.writer("kafka")
	l.servers, err = infra.StartServers(ctx, options, forKafka)
	return err
}

// stop ends everything in good order: sidecars, services, Kafka, Postgres.
func (l *launcher) stop(keeper *supervisor.Supervisor, fail context.CancelCauseFunc) {
	fail(errStopped)
	started := time.Now()
	l.console.say("all", "stopping")
	keeper.Wait()
	l.announcing.Wait()
	l.stopDashboard()
	supervisor.StopPairs(l.pairs)
	if l.servers != nil {
		if err := l.servers.Stop(context.Background()); err != nil {
			l.console.say("all", "%v", err)
		}
	}
	l.console.say("all", "stopped (%.1f s)", time.Since(started).Seconds())
}

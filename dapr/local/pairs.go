package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"strings"
	"time"

	"comanda/dapr/supervisor"
	"comanda/infra"
	"comanda/infra/build"
	"comanda/services/secret"
)

// startPairs starts every service beside its sidecar, and keeps them, Postgres and Kafka running.
func (l *launcher) startPairs(ctx context.Context, keeper *supervisor.Supervisor) error {
	setup, err := l.setup()
	if err != nil {
		return err
	}
	urls := map[string]string{}
	for _, app := range l.plan.Apps {
		pair := setup.Pair(app, app.ID, l.given[app.ID])
		l.pairs = append(l.pairs, pair)
		urls[app.ID] = pair.URL
	}
	if err := secret.Write(l.place.urls(), []byte(strings.Join(secret.Lines(urls), "\n")+"\n"), 0o600); err != nil {
		return err
	}
	l.console.say("all", "starting %d services, each beside its sidecar (logs in %s)", len(l.pairs), l.place.relative(l.place.logs()))
	keeper.Keep(ctx, "postgres", l.servers.Postgres)
	keeper.Keep(ctx, "kafka", l.servers.Kafka)
	for _, pair := range l.pairs {
		if err := pair.Start(ctx); err != nil {
			return err
		}
		for _, program := range pair.Programs() {
			keeper.Keep(ctx, program.Name, program)
		}
	}
	return nil
}

func (l *launcher) setup() (supervisor.Setup, error) {
	daprd, err := build.DaprdPath(l.stock)
	if err != nil {
		return supervisor.Setup{}, err
	}
	services, err := build.ProgramPath("")
	environ := secret.Environ(os.Environ())
	maps.Copy(environ, l.settings)
	maps.Copy(environ, l.servers.Environ())
	return supervisor.Setup{
		Plan: l.plan, Services: services, Daprd: daprd, Environ: environ,
		Work: l.place.state, Logs: l.place.logs(), Records: l.place.processes(),
		Tee: func(program string) io.Writer { return l.report(program) },
	}, err
}

// report returns what reads a program's lines for the person at the terminal.
func (l *launcher) report(program string) io.Writer {
	file := l.place.relative(l.place.log(strings.ReplaceAll(program, " ", "-")))
	r := &reporter{console: l.console, who: program, file: file}
	l.reports[program] = r
	return &lineWriter{line: r.line}
}

// keeper starts again what dies, and says so.
func (l *launcher) keeper(ctx context.Context, fail context.CancelCauseFunc) *supervisor.Supervisor {
	return &supervisor.Supervisor{Observer: supervisor.Observer{
		Died: func(name string, wait time.Duration) {
			if err := l.died(name, wait); err != nil {
				fail(err)
			}
		},
		Failed: func(name string, err error, wait time.Duration) {
			l.console.say(name, "did not start: %v (trying again in %.1f s)", err, wait.Seconds())
		},
		Restarted: func(name string) { l.announcing.Go(func() { l.announceAgain(ctx, name) }) },
	}}
}

// shownLines is how many lines are shown of a program that died.
const shownLines = 5

// died names a dead part and shows its last lines. It returns an error when a service refuses to start at all: a setting of
// its own is wrong, and would be so again.
func (l *launcher) died(name string, wait time.Duration) error {
	program := l.program(name)
	if program == nil { // Postgres or Kafka
		log := l.place.log(name)
		l.showDeath(name, "died", wait, l.place.relative(log), infra.LastLines(log, 0, shownLines))
		return nil
	}
	report := l.reports[name]
	report.calm.Store(false)
	err := program.Err()
	if err == nil {
		l.console.say(name, "ended (exit status 0): starting it again")
		return nil
	}
	last := program.LastLines(shownLines)
	var exit *exec.ExitError
	if !l.wasReady() && !strings.HasSuffix(name, " sidecar") && errors.As(err, &exit) && exit.ExitCode() > 0 {
		if len(last) == 0 {
			return fmt.Errorf("%s ended at start (%w) and wrote nothing to %s", name, err, report.file)
		}
		return fmt.Errorf("%s (all of it in %s)", last[len(last)-1], report.file)
	}
	l.showDeath(name, fmt.Sprintf("died (%v)", err), wait, report.file, last)
	return nil
}

func (l *launcher) showDeath(name, how string, wait time.Duration, log string, last []string) {
	var shown strings.Builder
	for _, line := range last {
		shown.WriteString("    " + shorten(line) + "\n")
	}
	l.console.say(name, "%s: starting it again in %.1f s. Its last lines, of %s:", how, wait.Seconds(), log)
	l.console.text(shown.String())
}

func (l *launcher) program(name string) *supervisor.Program {
	for _, pair := range l.pairs {
		for _, program := range pair.Programs() {
			if program.Name == name {
				return program
			}
		}
	}
	return nil
}

func (l *launcher) wasReady() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.started
}

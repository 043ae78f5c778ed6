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

// startPairs starts every service with its sidecar, and supervises the pairs, Postgres and Kafka. It also writes the services' URLs
// into a file, for `make restart`.
func (l *launcher) startPairs(ctx context.Context, keeper *supervisor.Supervisor) error {
	setup, err := l.newSetup()
	if err != nil {
		return err
	}
	urls := map[string]string{}
	for _, app := range l.plan.Apps {
		pair := setup.Pair(app, app.ID, l.ports[app.ID])
		l.pairs = append(l.pairs, pair)
		urls[app.ID] = pair.URL
	}
	if err := secret.Write(l.paths.urls(), []byte(strings.Join(secret.Lines(urls), "\n")+"\n"), 0o600); err != nil {
		return err
	}
	logs := l.paths.relative(l.paths.logs())
	l.console.printLine("all", "starting %d services with their sidecars (logs in %s)", len(l.pairs), logs)
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

// newSetup returns what all pairs have in common.
func (l *launcher) newSetup() (supervisor.Setup, error) {
	daprd, err := build.DaprdPath(l.stock)
	if err != nil {
		return supervisor.Setup{}, err
	}
	services, err := build.ProgramPath("")
	if err != nil {
		return supervisor.Setup{}, err
	}
	sidecars, err := l.servers.SidecarEnvirons()
	environ := map[string]string{"GOMAXPROCS": supervisor.ProcessorShare()}
	maps.Copy(environ, secret.Environ(os.Environ()))
	maps.Copy(environ, l.settings)
	maps.Copy(environ, l.servers.Environ())
	return supervisor.Setup{
		Plan: l.plan, Services: services, Daprd: daprd, Environ: environ, Sidecars: sidecars,
		Work: l.paths.state, Logs: l.paths.logs(), Records: l.paths.processes(),
		Tee: func(program string) io.Writer { return l.newReporter(program) },
	}, err
}

// newReporter returns a writer that reports a program's warnings on the terminal, and registers its reporter under the program's name.
func (l *launcher) newReporter(program string) io.Writer {
	file := l.paths.relative(l.paths.log(strings.ReplaceAll(program, " ", "-")))
	r := &reporter{console: l.console, program: program, file: file}
	l.reporters[program] = r
	return &lineWriter{handleLine: r.handleLine}
}

// newSupervisor returns a supervisor that restarts dead parts and reports that on the terminal.
func (l *launcher) newSupervisor(ctx context.Context, fail context.CancelCauseFunc) *supervisor.Supervisor {
	return &supervisor.Supervisor{Observer: supervisor.Observer{
		Died: func(name string, wait time.Duration) {
			if err := l.reportDeath(name, wait); err != nil {
				fail(err)
			}
		},
		Failed: func(name string, err error, wait time.Duration) {
			l.console.printLine(name, "did not start: %v (next attempt in %.1f s)", err, wait.Seconds())
		},
		Restarted: func(name string) { l.announcing.Go(func() { l.announceRestart(ctx, name) }) },
	}}
}

// shownLines is the number of log lines that are printed for a dead program.
const shownLines = 5

// reportDeath prints a dead part's name and last log lines, and hides the program's warnings until its pair is ready again. It returns
// an error if a service failed with an exit status before the system was ready: probably one of its settings is invalid, and a
// restart would not help.
func (l *launcher) reportDeath(name string, wait time.Duration) error {
	program := l.program(name)
	if program == nil { // Postgres or Kafka
		log := l.paths.log(name)
		l.printDeath(name, "died", wait, l.paths.relative(log), infra.LastLines(log, 0, shownLines))
		return nil
	}
	r := l.reporters[name]
	r.showWarnings.Store(false)
	err := program.Err()
	if err == nil {
		l.console.printLine(name, "stopped (exit status 0): starting it again")
		return nil
	}
	last := program.LastLines(shownLines)
	var exit *exec.ExitError
	if !l.wasReady() && !strings.HasSuffix(name, " sidecar") && errors.As(err, &exit) && exit.ExitCode() > 0 {
		if len(last) == 0 {
			return fmt.Errorf("%s ended during its start (%w) and wrote nothing to %s", name, err, r.file)
		}
		return fmt.Errorf("%s (full log: %s)", last[len(last)-1], r.file)
	}
	l.printDeath(name, fmt.Sprintf("died (%v)", err), wait, r.file, last)
	return nil
}

func (l *launcher) printDeath(name, how string, wait time.Duration, log string, last []string) {
	var lines strings.Builder
	for _, line := range last {
		lines.WriteString("    " + shorten(line) + "\n")
	}
	l.console.printLine(name, "%s: restarting it in %.1f s. The last lines of %s:", how, wait.Seconds(), log)
	l.console.printText(lines.String())
}

// program returns the program with this name; nil if there is none.
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

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"comanda/infra/build"
	"comanda/infra/process"
	"comanda/services/secret"
)

// depsVariable marks a shell that has loaded the environment file.
const depsVariable = "COMANDA_DEPS"

// runDeps starts Postgres with its databases and Kafka with its topics, builds the services, and writes the environment file
// for `dapr run -f dapr/dapr.yaml`. It keeps both servers running until ctx ends, and then removes the environment file.
func (l *launcher) runDeps(ctx context.Context) error {
	unlock, err := process.Lock(l.paths.lock())
	if err != nil {
		return fmt.Errorf("`make run` or `make deps` runs already (%s is %w): stop it first", l.paths.relative(l.paths.state), err)
	}
	defer unlock()
	if err := l.endLeftovers(); err != nil {
		return err
	}
	if err := l.configure(portsUnused); err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	keeper := l.newSupervisor(ctx, fail)
	defer l.stopSystem(keeper, fail)
	defer l.removeEnvironment()
	if err := l.prepareDeps(ctx); err != nil {
		return causeOr(ctx, err)
	}
	keeper.Keep(ctx, "postgres", l.servers.Postgres)
	keeper.Keep(ctx, "kafka", l.servers.Kafka)
	l.console.printText(l.depsGreeting())
	<-ctx.Done()
	return context.Cause(ctx)
}

// prepareDeps moves the last run's logs aside, builds the services while Postgres and Kafka start, and then writes the
// environment file.
func (l *launcher) prepareDeps(ctx context.Context) error {
	if err := l.paths.removeOldFiles(); err != nil {
		return err
	}
	tasks, taskCtx := errgroup.WithContext(ctx)
	tasks.Go(func() error {
		progress := l.console.writer("build")
		defer progress.flush()
		_, err := build.Services(taskCtx, progress)
		return err
	})
	tasks.Go(func() error { return l.startServers(taskCtx) })
	if err := tasks.Wait(); err != nil {
		return err
	}
	return l.writeEnvironment()
}

// writeEnvironment writes the environment file, which a shell loads with `. .comanda/env`: for `dapr run` after `make deps`, and for psql
// and the operator's command. The file selects the CLI and the runtime of `make dapr-cli` if they are built and the shell has no others.
func (l *launcher) writeEnvironment() error {
	environ := maps.Clone(l.settings)
	environ[depsVariable] = l.paths.state
	maps.Copy(environ, l.servers.Environ())
	text := "# Made by `make run` or `make deps`: its settings and addresses. Load it into a shell: . " + secret.Quote(l.paths.env()) + "\n"
	for _, line := range secret.Lines(environ) {
		name, value, _ := strings.Cut(line, "=")
		text += "export " + name + "=" + secret.Quote(value) + "\n"
	}
	const stock = false
	daprd, err := build.DaprdPath(stock)
	if err != nil {
		return err
	}
	runtime := filepath.Dir(filepath.Dir(filepath.Dir(daprd))) // the CLI runs .dapr/bin/daprd in this folder
	text += fmt.Sprintf("if [ -x %s ] && [ -z \"${DAPR_RUNTIME_PATH:-}\" ]; then export DAPR_RUNTIME_PATH=%s; fi\n", secret.Quote(daprd), secret.Quote(runtime))
	text += "export PATH=\"$PATH:\"" + secret.Quote(filepath.Join(l.paths.state, "bin")) + "\n"
	return secret.Write(l.paths.env(), []byte(text), 0o600)
}

// removeEnvironment removes the environment file: its addresses lead nowhere once Postgres and Kafka have stopped.
func (l *launcher) removeEnvironment() { _ = os.Remove(l.paths.env()) }

// depsGreeting returns the text for a person when Postgres and Kafka are ready.
func (l *launcher) depsGreeting() string {
	return fmt.Sprintf(`
  Postgres and Kafka are ready. In another terminal:

    . %[1]s
    dapr run -f dapr/dapr.yaml

  No dapr command? `+"`make dapr-cli`"+` builds one into .comanda/bin, which %[1]s puts in the PATH.
  Ctrl-C stops Postgres and Kafka. Their data stays.

`, l.paths.relative(l.paths.env()))
}

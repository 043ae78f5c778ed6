package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"comanda/infra/build"
	"comanda/infra/process"
	"comanda/services/secret"
)

// depsVariable marks a shell that has loaded the environment of `make deps`.
const depsVariable = "COMANDA_DEPS"

// deps starts Postgres and Kafka with databases and topics, builds the services, and writes the environment that
// `dapr run -f dapr/dapr.yaml` needs. It keeps both servers running until it is stopped.
func (l *launcher) deps(ctx context.Context) error {
	unlock, err := process.Lock(l.place.lock())
	if err != nil {
		return fmt.Errorf("it runs already (%s is %w): stop that one first", l.place.relative(l.place.state), err)
	}
	defer unlock()
	if err := l.check(false); err != nil {
		return err
	}
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	keeper := l.keeper(ctx, fail)
	defer l.stop(keeper, fail)
	if err := l.prepareDeps(ctx); err != nil {
		return stoppedOr(ctx, err)
	}
	keeper.Keep(ctx, "postgres", l.servers.Postgres)
	keeper.Keep(ctx, "kafka", l.servers.Kafka)
	l.console.text(l.dependencies())
	<-ctx.Done()
	return context.Cause(ctx)
}

func (l *launcher) prepareDeps(ctx context.Context) error {
	if err := l.place.beginAfresh(); err != nil {
		return err
	}
	all, building := errgroup.WithContext(ctx)
	all.Go(func() error {
		progress := l.console.writer("build")
		defer progress.flush()
		_, err := build.Services(building, progress)
		return err
	})
	all.Go(func() error { return l.startServers(building) })
	if err := all.Wait(); err != nil {
		return err
	}
	return l.writeEnvironment()
}

// writeEnvironment writes what a shell loads by `. .comanda/env`. The CLI and the runtime of `make dapr-cli` are used where
// they are built, unless the shell has chosen others.
func (l *launcher) writeEnvironment() error {
	environ := maps.Clone(l.settings)
	environ[depsVariable] = l.place.state
	maps.Copy(environ, l.servers.Environ())
	text := "# Made by `make deps`. Load it into a shell, and then: dapr run -f dapr/dapr.yaml\n"
	for _, line := range secret.Lines(environ) {
		name, value, _ := strings.Cut(line, "=")
		text += "export " + name + "=" + secret.Quote(value) + "\n"
	}
	daprd, err := build.DaprdPath(false)
	if err != nil {
		return err
	}
	runtime := filepath.Dir(filepath.Dir(filepath.Dir(daprd))) // the CLI looks for .dapr/bin/daprd below it
	text += fmt.Sprintf("if [ -x %s ] && [ -z \"${DAPR_RUNTIME_PATH:-}\" ]; then export DAPR_RUNTIME_PATH=%s; fi\n", secret.Quote(daprd), secret.Quote(runtime))
	text += "export PATH=\"$PATH:\"" + secret.Quote(filepath.Join(l.place.state, "bin")) + "\n"
	return secret.Write(l.place.env(), []byte(text), 0o600)
}

func (l *launcher) dependencies() string {
	return fmt.Sprintf(`
  Postgres and Kafka are ready. In another terminal:

    . %[1]s
    dapr run -f dapr/dapr.yaml

  No dapr command? `+"`make dapr-cli`"+` builds one into .comanda/bin, which %[1]s puts in the PATH.
  Ctrl-C stops Postgres and Kafka; their data stays.

`, l.place.relative(l.place.env()))
}

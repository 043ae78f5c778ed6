package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"comanda/dapr/supervisor"
	"comanda/infra/build"
	"comanda/infra/process"
	"comanda/services"
	"comanda/services/secret"
)

const (
	// restartGrace bounds the shutdown of the running service, which completes its requests.
	restartGrace = 8 * time.Second
	// restartTimeout bounds the wait for the new build to be ready.
	restartTimeout = 30 * time.Second
	// pollInterval is the pause between two checks whether something is ready.
	pollInterval = 50 * time.Millisecond
)

// restartService rebuilds a service and ends its running process. The launcher that supervises it then starts the new build. This
// also works for a service that keeps dying. The sidecar keeps running, so events that arrive meanwhile wait.
func restartService(ctx context.Context, p paths, service string, console *console) error {
	if !slices.Contains(services.Names, service) {
		return fmt.Errorf("there is no service %q: use one of %s", service, strings.Join(services.Names, ", "))
	}
	started := time.Now()
	if unlock, err := process.Lock(p.lock()); err == nil {
		unlock()
		return errors.New("no system runs here: start it with `make run`")
	}
	progress := console.writer("build")
	defer progress.flush()
	if _, err := build.Service(ctx, service, progress); err != nil {
		return fmt.Errorf("%s was not replaced, because its build failed: %w", service, err)
	}
	// Read the record after the build: the supervisor may have restarted the old program during the build.
	record := filepath.Join(p.processes(), service+".json")
	running, err := process.ReadRecord(record)
	if err != nil {
		return fmt.Errorf("%s was rebuilt, but `make run` does not run it (%w): `make run` starts it; under `dapr run`, stop and start that", service, err)
	}
	if err := running.End(syscall.SIGTERM, restartGrace); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, restartTimeout)
	defer cancel()
	if err := awaitRestart(ctx, p, service, record, running); err != nil {
		return fmt.Errorf("%s was rebuilt, but is not ready: %w (see %s)", service, err, p.relative(p.log(service)))
	}
	console.printLine(service, "rebuilt and ready again (%.1f s)", time.Since(started).Seconds())
	return nil
}

// awaitRestart waits until the service has a new process that is ready.
func awaitRestart(ctx context.Context, p paths, service, record string, before process.Identity) error {
	urls, err := secret.Read(p.urls())
	if err != nil {
		return err
	}
	for {
		current, err := process.ReadRecord(record)
		if err == nil && (current.PID != before.PID || current.Started != before.Started) {
			if err = supervisor.Ready(ctx, urls[service]); err == nil {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(pollInterval):
		}
	}
}

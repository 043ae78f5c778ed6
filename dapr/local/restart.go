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
	// restartGrace is how long the running service may take to finish its requests.
	restartGrace = 8 * time.Second
	// restartTimeout bounds the wait for the new one.
	restartTimeout = 30 * time.Second
	pollInterval   = 50 * time.Millisecond
)

// restart rebuilds one service and ends the running one; the launcher that runs it starts the new build. It works for a service that keeps dying as well. Its sidecar stays,
// so events that come meanwhile wait.
func restart(ctx context.Context, p place, service string, console *console) error {
	if !slices.Contains(services.Names, service) {
		return fmt.Errorf("there is no service %q: choose one of %s", service, strings.Join(services.Names, ", "))
	}
	began := time.Now()
	if unlock, err := process.Lock(p.lock()); err == nil {
		unlock()
		return errors.New("nothing runs here: start everything with `make run`")
	}
	progress := console.writer("build")
	defer progress.flush()
	if _, err := build.Service(ctx, service, progress); err != nil {
		return fmt.Errorf("the running %s stays as it is: %w", service, err)
	}
	// Read after the build: meanwhile the supervisor may have started the service again, from the old program.
	record := filepath.Join(p.processes(), service+".json")
	running, err := process.ReadRecord(record)
	if err != nil {
		return fmt.Errorf("%s was rebuilt, but `make run` has not started it yet (%w)", service, err)
	}
	if err := running.End(syscall.SIGTERM, restartGrace); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, restartTimeout)
	defer cancel()
	if err := awaitRestart(ctx, p, service, record, running); err != nil {
		return fmt.Errorf("%s was rebuilt, but is not ready: %w (see %s)", service, err, p.relative(p.log(service)))
	}
	console.say(service, "rebuilt and ready again (%.1f s)", time.Since(began).Seconds())
	return nil
}

// awaitRestart waits for another process of the service, and for it to be ready.
func awaitRestart(ctx context.Context, p place, service, record string, before process.Identity) error {
	urls, err := secret.Read(p.urls())
	if err != nil {
		return err
	}
	for {
		now, err := process.ReadRecord(record)
		if err == nil && (now.PID != before.PID || now.Started != before.Started) {
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

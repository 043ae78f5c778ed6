package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"comanda/services"
	"comanda/services/internal/telemetry"
)

// readyTimeout limits one check of all services. Its result is cached for readyTTL, because /readyz is public and must not
// fan out to every service on each request.
const (
	readyTimeout = 2 * time.Second
	readyTTL     = time.Second
)

// readiness checks whether the gateway and all services are ready.
type readiness struct {
	sidecar      func(context.Context) error
	checkService func(ctx context.Context, app string) error

	mu    sync.Mutex
	until time.Time
	last  error
}

// check returns an error that names the services that are not ready.
func (r *readiness) check(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Now().Before(r.until) {
		return r.last
	}
	r.last = r.checkAll(context.WithoutCancel(ctx)) // the result is cached for other requests too
	r.until = time.Now().Add(readyTTL)
	return r.last
}

// checkAll checks the sidecar and all services at the same time.
func (r *readiness) checkAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	apps := append([]string{"gateway"}, services.Stateful...)
	failed := make([]bool, len(apps))
	var checks sync.WaitGroup
	checks.Go(func() { failed[0] = r.sidecar(ctx) != nil })
	for i, app := range services.Stateful {
		checks.Go(func() { failed[i+1] = r.checkService(ctx, app) != nil })
	}
	checks.Wait()
	var notReady []string
	for i, app := range apps {
		if failed[i] {
			notReady = append(notReady, app)
		}
	}
	if len(notReady) > 0 {
		return fmt.Errorf("not ready: %s", strings.Join(notReady, ", "))
	}
	return nil
}

// serviceReady calls a service's /readyz through both sidecars.
func (g *gateway) serviceReady(ctx context.Context, app string) error {
	response, err := g.invoke(telemetry.WithUnsampledTrace(ctx), invocation{app: app, method: http.MethodGet, path: "/readyz"})
	if err == nil && response.status != http.StatusOK {
		err = fmt.Errorf("%s: /readyz returned %d", app, response.status)
	}
	return err
}

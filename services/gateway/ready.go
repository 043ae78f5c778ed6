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

// The times of /readyz, which anyone may checkService: how long a service may take to answer, and how long an answer is kept, so
// that who asks often does not make us ask often.
const (
	readyTimeout = 2 * time.Second
	readyTTL     = time.Second
)

// readiness knows whether all five are ready.
type readiness struct {
	sidecar      func(context.Context) error
	checkService func(ctx context.Context, app string) error

	mu    sync.Mutex
	until time.Time
	last  error
}

// check returns an error that names who is not ready.
func (r *readiness) check(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if time.Now().Before(r.until) {
		return r.last
	}
	r.last = r.checkAll(context.WithoutCancel(ctx)) // the answer is for others as well
	r.until = time.Now().Add(readyTTL)
	return r.last
}

func (r *readiness) checkAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	asks := append([]string{"gateway"}, services.Stateful...)
	missing := make([]bool, len(asks))
	var asked sync.WaitGroup
	asked.Go(func() { missing[0] = r.sidecar(ctx) != nil })
	for i, app := range services.Stateful {
		asked.Go(func() { missing[i+1] = r.checkService(ctx, app) != nil })
	}
	asked.Wait()
	var names []string
	for i, name := range asks {
		if missing[i] {
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		return fmt.Errorf("not ready: %s", strings.Join(names, ", "))
	}
	return nil
}

// serviceReady asks a service, through both sidecars, whether it is ready.
func (g *gateway) serviceReady(ctx context.Context, app string) error {
	response, err := g.sidecar.invoke(telemetry.WithUnsampledTrace(ctx), invocation{app: app, method: http.MethodGet, path: "/readyz"})
	if err == nil && response.status != http.StatusOK {
		err = fmt.Errorf("%s answers %d", app, response.status)
	}
	return err
}

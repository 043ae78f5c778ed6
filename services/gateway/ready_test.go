package main

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadinessNamesTheServicesThatAreNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var missing atomic.Pointer[string]
		var checks atomic.Int32
		none := ""
		missing.Store(&none)
		r := readiness{
			sidecar: func(context.Context) error { return nil },
			checkService: func(ctx context.Context, app string) error {
				checks.Add(1)
				if !strings.Contains(*missing.Load(), app) {
					return nil
				}
				if app == "order" { // hangs until the timeout
					<-ctx.Done()
				}
				return errors.New("not yet")
			},
		}
		if err := r.check(t.Context()); err != nil {
			t.Errorf("all ready: got %v", err)
		}
		both := "order user"
		missing.Store(&both)
		if err := r.check(t.Context()); err != nil || checks.Load() != 4 {
			t.Errorf("within a second: got %v, %d checks, want the cached result of 4", err, checks.Load())
		}
		time.Sleep(readyTTL)
		begun := time.Now()
		if err := r.check(t.Context()); err == nil || err.Error() != "not ready: user, order" {
			t.Errorf("two not ready: got %v", err)
		}
		if took := time.Since(begun); took != readyTimeout {
			t.Errorf("a hanging service: took %v, want %v", took, readyTimeout)
		}
		r = readiness{
			sidecar:      func(context.Context) error { return errors.New("away") },
			checkService: func(context.Context, string) error { return errors.New("away") },
		}
		if err := r.check(t.Context()); err == nil || err.Error() != "not ready: gateway, auth, user, order, product" {
			t.Errorf("no sidecar: got %v", err)
		}
	})
}

func TestServiceReadyCallsThroughTheSidecar(t *testing.T) {
	h := newHarness(t)
	if err := h.gateway.serviceReady(t.Context(), "user"); err != nil {
		t.Error(err)
	}
	if got := h.sidecar.takeRequests()[0]; got.uri != "/v1.0/invoke/user/method/readyz" ||
		got.header.Get("dapr-api-token") != "dapr-token" {
		t.Errorf("got call %+v, want user's /readyz with the API token", got)
	}
	h.sidecar.respondWith(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/problem+json")
		rw.WriteHeader(http.StatusServiceUnavailable)
	})
	if err := h.gateway.serviceReady(t.Context(), "user"); err == nil {
		t.Error("a service that returns 503: got no error")
	}
}

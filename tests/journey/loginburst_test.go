package journey

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"comanda/tests/client"
	"comanda/tests/system"
)

// The limit of a service's container in deploy/compose/base.yml, in bytes, and the setting that goes with it.
const (
	containerMemory = 128 << 20
	memoryLimit     = "100MiB" // GOMEMLIMIT
)

// During 200 simultaneous logins, auth's health check never fails three times in a row (its sidecar would then pause it), and auth stays
// within its container's memory. Each login is answered with 401, or with 503 and Retry-After. Meanwhile the admin logs in at another
// address and is never refused, because clients take turns.
func TestManyLoginsAtOnceDelayNeitherHealthChecksNorOthers(t *testing.T) {
	sys := system.Start(t, system.Options{Settings: map[string]string{"TRUSTED_PROXIES": "127.0.0.0/8", "GOMEMLIMIT": memoryLimit}})
	s := newScenario(t, sys)
	stop := probeHealth(t, sys.Pair("auth").URL+"/healthz/app")
	logIn := func(address, email, password string) client.Response {
		answer, err := s.Anonymous.Do(t.Context(), client.Request{Method: http.MethodPost, Path: "/auth/login",
			Header: http.Header{"X-Forwarded-For": {address}}, Body: map[string]string{"email": email, "password": password}})
		if err != nil {
			t.Error(err)
		}
		return answer
	}

	var mu sync.Mutex
	var all sync.WaitGroup
	statuses := map[int]int{}
	for i := range 200 {
		all.Go(func() {
			answer := logIn("203.0.113.1", fmt.Sprintf("guess%d@example.com", i), "wrong password")
			if answer.Status == http.StatusServiceUnavailable && answer.Header.Get("Retry-After") == "" {
				t.Error("a login got 503 without Retry-After")
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[answer.Status]++
		})
	}
	for range 5 {
		if answer := logIn("198.51.100.1", sys.AdminEmail, sys.AdminPassword); answer.Status != http.StatusOK {
			t.Errorf("login at another address: got %d %s, want 200", answer.Status, answer.Body)
		}
	}
	all.Wait()
	_, memory, err := sys.Memory()
	if err != nil {
		t.Fatal(err)
	}
	slowest, failedInARow := stop()
	t.Logf("statuses %v; slowest health check %v; auth holds %d MiB", statuses, slowest, memory["auth"]>>20)
	const least = 10 // answers within maxWait (services/auth/workqueue.go), even on a machine that is busy with other tests
	if statuses[http.StatusUnauthorized] < least || statuses[http.StatusUnauthorized]+statuses[http.StatusServiceUnavailable] != 200 {
		t.Errorf("got %v, want 401 for at least %d, and 503 for the others", statuses, least)
	}
	if failedInARow >= 3 {
		t.Errorf("%d health checks in a row failed: the sidecar pauses auth after 3", failedInARow)
	}
	if memory["auth"] > containerMemory {
		t.Errorf("auth holds %d MiB, want at most %d", memory["auth"]>>20, containerMemory>>20)
	}
}

// probeHealth checks an app's health as a sidecar does, but ten times as often, until the returned function is called. That function
// returns the longest time of a check, and the longest series of failed checks.
func probeHealth(t *testing.T, url string) (stop func() (slowest time.Duration, failedInARow int)) {
	const probeTimeout = 900 * time.Millisecond // appHealthProbeTimeout in dapr/dapr.yaml
	const probeEvery = 100 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	var times []time.Duration
	longest, done := 0, make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(probeEvery)
		defer ticker.Stop()
		for row := 0; ctx.Err() == nil; <-ticker.C {
			began, httpClient := time.Now(), &http.Client{Timeout: probeTimeout}
			response, err := httpClient.Get(url)
			if times = append(times, time.Since(began)); err != nil || response.StatusCode != http.StatusOK {
				row++
				longest = max(longest, row)
				continue
			}
			_ = response.Body.Close()
			row = 0
		}
	}()
	return func() (time.Duration, int) {
		cancel()
		<-done
		return slices.Max(times), longest
	}
}

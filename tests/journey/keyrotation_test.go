package journey

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"comanda/services/secret"
	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// While customers read and refresh, JWT_SECRET_KEY is rotated by the three steps of docs/operations.md, one replica after the other. No
// request is answered 401, and refresh tokens issued before the rotation stay valid.
func TestTheKeyIsRotatedWithoutASingle401(t *testing.T) {
	sys := system.Start(t, system.Options{Replicas: map[string]int{"auth": 2}})
	s := newScenario(t, sys)
	before, idle := s.Customer(), s.Customer()
	var customers []*signedIn
	for range 4 {
		customers = append(customers, &signedIn{t: t, anonymous: s.Anonymous, session: s.Customer().Session})
	}
	stop := keepBusy(t, customers)

	oldKey, newKey := sys.JWTSecret, secret.Key()
	restartWithKeys(t, sys, oldKey, newKey)
	restartWithKeys(t, sys, newKey, oldKey)
	for _, customer := range customers { // an operator waits for 5 minutes, in which every client refreshes
		customer.refresh()
	}
	restartWithKeys(t, sys, newKey, "")

	if requests := stop(); requests < 100 {
		t.Errorf("got %d requests during the rotation, want at least 100", requests)
	}
	old := s.Anonymous.As(before.Session)
	refused(old.Me(t.Context())).want(t, http.StatusUnauthorized) // the old key is gone
	session := scenario.Try(s.Anonymous.Refresh(t.Context(), idle.Session.RefreshToken)).OrFail(t)
	scenario.Try(s.Anonymous.As(session).Me(t.Context())).OrFail(t)
}

// restartWithKeys restarts every replica, one after the other, with these keys. Auth is neither first nor last, so that some services
// check its new tokens with the keys from before, and others with these.
func restartWithKeys(t *testing.T, sys *system.System, current, previous string) {
	t.Helper()
	for _, service := range []string{"order", "user", "auth", "product", "gateway"} {
		for _, pair := range sys.Replicas(service) {
			pair.Service.Stop()
			pair.Service.SetEnv("JWT_SECRET_KEY", current)
			pair.Service.SetEnv("JWT_SECRET_KEY_PREVIOUS", previous)
			if err := pair.Service.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), scenario.OutageTimeout)
			err := pair.AwaitReady(ctx)
			cancel()
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// signedIn is a customer who keeps a session by refreshing it.
type signedIn struct {
	t         *testing.T
	anonymous *client.Client

	mu       sync.Mutex
	session  client.Session
	requests int
}

// keepBusy lets customers send requests until the returned function is called, which returns the number of answers.
func keepBusy(t *testing.T, customers []*signedIn) (stop func() int) {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, customer := range customers {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				customer.visit(ctx)
				if i%50 == 49 { // less often than the pace of a session
					customer.refresh()
				}
			}
		})
	}
	stop = sync.OnceValue(func() int {
		cancel()
		all.Wait()
		total := 0
		for _, customer := range customers {
			total += customer.requests
		}
		return total
	})
	t.Cleanup(func() { stop() })
	return stop
}

// visit reads the customer's profile and orders, from two services.
func (c *signedIn) visit(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	user := c.anonymous.As(c.session)
	_, me := user.Me(ctx)
	_, orders := user.Orders(ctx, "", client.Page{})
	for _, err := range []error{me, orders} {
		switch status := client.Status(err); {
		case err == nil:
			c.requests++
		case status == 0, status == http.StatusServiceUnavailable: // a restart
			time.Sleep(20 * time.Millisecond) // no busy loop while the gateway is away
		default:
			c.t.Errorf("request during the rotation: %v", err)
		}
	}
}

// refresh exchanges the refresh token. It repeats the same request while a restart prevents the answer.
func (c *signedIn) refresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	request := client.Request{Method: http.MethodPost, Path: "/auth/refresh", Header: http.Header{"Idempotency-Key": {uuid.NewString()}},
		Body: map[string]string{"refreshToken": c.session.RefreshToken}}
	scenario.EventuallyWithin(c.t, scenario.OutageTimeout, "the session refreshes", func(ctx context.Context) error {
		answer, err := c.anonymous.Do(ctx, request)
		if err != nil {
			return err
		}
		if answer.Status == http.StatusOK {
			return json.Unmarshal(answer.Body, &c.session)
		}
		if !slices.Contains([]int{http.StatusServiceUnavailable, http.StatusTooManyRequests}, answer.Status) {
			c.t.Errorf("refresh during the rotation: got %d %s", answer.Status, answer.Body)
			return nil
		}
		return fmt.Errorf("got %d %s", answer.Status, answer.Body)
	})
}

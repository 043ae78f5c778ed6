package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/bcrypt"

	"comanda/services/event"
	"comanda/services/internal/rest"
	"comanda/services/internal/server"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

var secret = token.Secret("a secret that is 32 bytes long, or more")

// harness runs the service on a real Postgres, with a fake sidecar and a clock that tests can advance.
type harness struct {
	service
	sidecar *servicetest.Sidecar
	router  http.Handler
	offset  *atomic.Int64
	metrics *prometheus.Registry
}

func newHarness(t *testing.T) harness {
	t.Helper()
	pool := servicetest.NewDatabase(t, migrations)
	client := servicetest.NewSidecar(pool)
	registry := prometheus.NewRegistry()
	s, err := newService(client, pool, secret, newMetrics(registry, slog.New(slog.DiscardHandler)), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	offset := new(atomic.Int64)
	s.now = func() time.Time { return server.Clock().Add(time.Duration(offset.Load())) }
	return harness{s, client, rest.Router(s.log, token.NewVerifier(secret), s.routes()), offset, registry}
}

// advanceClock moves the service's clock forward by d.
func (h harness) advanceClock(d time.Duration) { h.offset.Add(int64(d)) }

// call sends a request, with headers as pairs of name and value, decodes a successful response into out, and returns the status.
func (h harness) call(t *testing.T, method, path, body string, out any, headers ...string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.router.ServeHTTP(w, r)
	if out != nil && w.Code < http.StatusBadRequest {
		if err := json.Unmarshal(w.Body.Bytes(), out); err != nil {
			t.Errorf("%s %s: got %d with undecodable body %s", method, path, w.Code, w.Body)
		}
	}
	return w.Code
}

func registrationBody(email, password string) string {
	raw, err := json.Marshal(map[string]string{"email": email, "password": password, "name": "Ana"})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

const password = "a good secret"

// registerPending registers email and returns the id of the PENDING account.
func (h harness) registerPending(t *testing.T, email string) string {
	t.Helper()
	var begun registrationState
	if code := h.call(t, "POST", "/auth/register", registrationBody(email, password), &begun); code != 202 || begun.Status != Pending {
		t.Fatalf("register: got %d %+v, want 202 PENDING", code, begun)
	}
	return begun.UserID
}

// deliverOutcome delivers user's outcome of the registration.
func (h harness) deliverOutcome(t *testing.T, id, outcome, reason string) {
	t.Helper()
	data := event.UserOutcome{UserID: id, Version: 1, Outcome: outcome, Reason: reason}
	if err := h.handleOutcome(t.Context(), event.Received[event.UserOutcome]{Data: data}); err != nil {
		t.Fatal(err)
	}
}

// registerActive registers email, delivers the outcome created, and returns the account's id.
func (h harness) registerActive(t *testing.T, email string) string {
	t.Helper()
	id := h.registerPending(t, email)
	h.deliverOutcome(t, id, event.UserCreated, "")
	return id
}

func (h harness) registration(t *testing.T, id string) registrationState {
	t.Helper()
	var now registrationState
	if code := h.call(t, "GET", "/auth/registrations/"+id, "", &now); code != 200 {
		t.Fatalf("registration: got %d, want 200", code)
	}
	return now
}

func (h harness) logIn(t *testing.T, email, password string) (tokens, int) {
	t.Helper()
	var got tokens
	raw, err := json.Marshal(map[string]string{"email": email, "password": password})
	if err != nil {
		t.Fatal(err)
	}
	code := h.call(t, "POST", "/auth/login", string(raw), &got)
	return got, code
}

// refresh exchanges a refresh token; an empty key means no Idempotency-Key header.
func (h harness) refresh(t *testing.T, refresh, key string) (tokens, int) {
	t.Helper()
	var got tokens
	var headers []string
	if key != "" {
		headers = []string{"Idempotency-Key", key}
	}
	code := h.call(t, "POST", "/auth/refresh", `{"refreshToken":"`+refresh+`"}`, &got, headers...)
	return got, code
}

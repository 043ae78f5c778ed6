package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/event"
	"comanda/services/internal/server"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

// fastCost makes hashing fast.
var fastCost = hashCost{memory: 8, passes: 1}

// harness is auth's API on a real Postgres, with a fake sidecar.
type harness struct {
	servicetest.API
	service
	sidecar *servicetest.Sidecar
	clock   *servicetest.Clock
	metrics *prometheus.Registry
}

func newHarness(t *testing.T, changes ...func(*options)) harness {
	t.Helper()
	o := options{keys: token.Keys{Current: servicetest.Secret}, cost: fastCost, queue: newWorkQueue(2, maxWaiting, maxWait),
		sessions: sessionLimits{MaxAge: 90 * 24 * time.Hour, PerAccount: 20}}
	withUser(t, "")(&o)
	for _, change := range changes {
		change(&o)
	}
	pool, registry := servicetest.NewDatabase(t, migrations), prometheus.NewRegistry()
	sidecar, clock := servicetest.NewSidecar(pool), servicetest.NewClock(server.Clock())
	s := newService(sidecar, pool, newMetrics(registry, slog.New(slog.DiscardHandler)), o)
	s.now = clock.Now
	return harness{servicetest.NewAPI(s.routes(), s.subscriptions()), s, sidecar, clock, registry}
}

var anonymous = servicetest.Person{}

func registrationBody(email, password string) string {
	raw, err := json.Marshal(map[string]string{"email": email, "password": password, "name": "Ana"})
	if err != nil {
		panic(err)
	}
	return string(raw)
}

const password = "a good secret"

// longPassword has 72 bytes.
const longPassword = "Sphinx of black quartz, judge my vow: pack 5 dozen liquor jugs, quickly!"

// register sends the registration of email.
func (h harness) register(t *testing.T, email, password string, headers ...string) servicetest.Response {
	t.Helper()
	return h.Request(t, anonymous, "POST", "/auth/register", registrationBody(email, password), headers...)
}

// registerPending registers email and returns the id of the PENDING account.
func (h harness) registerPending(t *testing.T, email string) string {
	t.Helper()
	begun := servicetest.Decode[registrationState](t, h.register(t, email, password), http.StatusAccepted)
	if begun.Status != Pending {
		t.Fatalf("register: got %+v, want PENDING", begun)
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

// registerActive registers email, delivers the outcome event.UserCreated, and returns the account's id.
func (h harness) registerActive(t *testing.T, email string) string {
	t.Helper()
	id := h.registerPending(t, email)
	h.deliverOutcome(t, id, event.UserCreated, "")
	return id
}

// registerAdmin registers an ACTIVE admin.
func (h harness) registerAdmin(t *testing.T, email string) servicetest.Person {
	t.Helper()
	registration, err := Registration{Email: email, Password: password, Name: "Ana"}.Check()
	if err != nil {
		t.Fatal(err)
	}
	account, err := h.createAccount(t.Context(), "", registration, email, token.Customer, token.Admin)
	if err != nil {
		t.Fatal(err)
	}
	h.deliverOutcome(t, account.ID, event.UserCreated, "")
	return h.caller(t, account.ID)
}

// caller returns the person of an account with a token as a login would issue it now.
func (h harness) caller(t *testing.T, id string) servicetest.Person {
	t.Helper()
	account, err := h.documents.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return servicetest.Person{ID: id, Roles: account.Roles, Epoch: account.Epoch}
}

func (h harness) registration(t *testing.T, id string) registrationState {
	t.Helper()
	return servicetest.Decode[registrationState](t, h.Request(t, anonymous, "GET", "/auth/registrations/"+id, ""), http.StatusOK)
}

func (h harness) logIn(t *testing.T, email, password string) (tokens, int) {
	t.Helper()
	raw, err := json.Marshal(map[string]string{"email": email, "password": password})
	if err != nil {
		t.Fatal(err)
	}
	return tokensOf(t, h.Request(t, anonymous, "POST", "/auth/login", string(raw)))
}

// refresh exchanges a refresh token; an empty key means no Idempotency-Key header.
func (h harness) refresh(t *testing.T, refresh, key string) (tokens, int) {
	t.Helper()
	var headers []string
	if key != "" {
		headers = []string{"Idempotency-Key", key}
	}
	return tokensOf(t, h.Request(t, anonymous, "POST", "/auth/refresh", `{"refreshToken":"`+refresh+`"}`, headers...))
}

// tokensOf returns the tokens in the response, if it succeeded, and its status code.
func tokensOf(t *testing.T, r servicetest.Response) (tokens, int) {
	t.Helper()
	if r.Code >= http.StatusBadRequest {
		return tokens{}, r.Code
	}
	return servicetest.Decode[tokens](t, r, r.Code), r.Code
}

// logOut ends the session of a refresh token and returns the status code.
func (h harness) logOut(t *testing.T, refresh string) int {
	t.Helper()
	return h.Request(t, anonymous, "POST", "/auth/logout", `{"refreshToken":"`+refresh+`"}`).Code
}

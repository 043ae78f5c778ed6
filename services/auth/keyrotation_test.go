package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

var nextSecret = token.Secret(strings.Repeat("n", token.MinSecret))

// replica returns the API of another replica on the same database that has these keys.
func (h harness) replica(keys token.Keys) harness {
	s := newService(h.sidecar, h.pool, newMetrics(prometheus.NewRegistry(), h.log), options{keys: keys, cost: fastCost,
		queue: newWorkQueue(2, maxWaiting, maxWait), sessions: h.sessions.limits})
	s.now = h.clock.Now
	h.API, h.service = servicetest.NewAPI(s.routes(), s.subscriptions()), s
	return h
}

// During a rotation replicas sign with different keys. They accept each other's tokens and repeat each other's answers.
func TestReplicasWithDifferentKeysAgree(t *testing.T) {
	old := newHarness(t, func(o *options) { o.keys.Previous = nextSecret })
	rotated := old.replica(token.Keys{Current: nextSecret, Previous: servicetest.Secret})
	key := []string{"Idempotency-Key", "k1"}
	first := servicetest.Decode[registrationState](t, old.register(t, "ana@example.com", password, key...), http.StatusAccepted)
	if again := rotated.register(t, "ana@example.com", password, key...); again.Text("userId") != first.UserID {
		t.Errorf("a registration repeated at the other replica: got %d %s, want %s", again.Code, again.Body, first.UserID)
	}
	old.deliverOutcome(t, first.UserID, "created", "")
	session, _ := old.logIn(t, "ana@example.com", password)
	for _, pair := range [][2]harness{{old, rotated}, {rotated, old}} {
		once, code := pair[0].refresh(t, session.RefreshToken, "k")
		if code != http.StatusOK {
			t.Fatalf("refresh: got %d, want 200", code)
		}
		again, code := pair[1].refresh(t, session.RefreshToken, "k")
		if code != http.StatusOK || again.RefreshToken != once.RefreshToken {
			t.Errorf("repeated at the other replica: got %d, want 200 and the same token", code)
		}
		session = again
	}
}

func TestRefreshTokensSurviveTheKey(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	session, _ := h.logIn(t, "ana@example.com", password)
	if _, code := h.replica(token.Keys{Current: nextSecret}).refresh(t, session.RefreshToken, ""); code != http.StatusOK {
		t.Errorf("got %d, want 200", code)
	}
}

// A client that knows e-mail and key must not be able to compute the account's id.
func TestAccountIDsDependOnTheSecret(t *testing.T) {
	one := newAccountIDs(token.Keys{Current: servicetest.Secret}).candidates("ana@example.com", "k")
	other := newAccountIDs(token.Keys{Current: nextSecret, Previous: servicetest.Secret}).candidates("ana@example.com", "k")
	if len(one) != 1 || len(other) != 2 || one[0] == other[0] || one[0] != other[1] {
		t.Errorf("got %v and %v, want ids that depend on the secret, the current one first", one, other)
	}
	for _, different := range []string{
		newAccountIDs(token.Keys{Current: servicetest.Secret}).candidates("ana@example.co", "mk")[0],
		newAccountIDs(token.Keys{Current: servicetest.Secret}).candidates("ana@example.com", "l")[0],
	} {
		if different == one[0] {
			t.Error("two registrations have the same id")
		}
	}
}

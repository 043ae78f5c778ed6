package main

import (
	"strings"
	"testing"
	"time"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/telemetry"
)

func TestMetricsCountRegistrationsAndLoginsOnce(t *testing.T) {
	h := newHarness(t)
	for range 2 {
		h.register(t, "ana@example.com", password, "Idempotency-Key", "k1")
	}
	active, refused := h.registerPending(t, "eva@example.com"), h.registerPending(t, "leo@example.com")
	h.clock.Advance(time.Second)
	for range 2 {
		h.deliverOutcome(t, active, event.UserCreated, "")
		h.deliverOutcome(t, refused, event.UserRejected, "phone_taken")
		h.deliverOutcome(t, refused, event.UserCreated, "") // too late
	}
	for _, attempt := range [][2]string{{"eva@example.com", password}, {"eva@example.com", "wrong"}, {"leo@example.com", password},
		{"", ""}} {
		h.logIn(t, attempt[0], attempt[1])
	}
	if got, err := h.pendingBacklog(t.Context()); err != nil || got.Count != 1 || time.Since(got.Oldest) > time.Minute {
		t.Errorf("one PENDING registration: got backlog %+v, %v", got, err)
	}
	h.later(t, time.Minute)
	h.runRecovery(t)
	h.later(t, 15*time.Minute)
	h.runRecovery(t)
	servicetest.WantMetrics(t, h.metrics, `comanda_registrations_total{status="PENDING"} 3`,
		`comanda_registrations_total{status="ACTIVE"} 1`,
		`comanda_registrations_total{status="REJECTED"} 2`, `comanda_registration_decision_seconds_count{outcome="ACTIVE"} 1`,
		`comanda_registration_decision_seconds_count{outcome="REJECTED"} 2`,
		`comanda_recovery_total{step="announced_again"} 1`, `comanda_recovery_total{step="given_up"} 1`,
		`comanda_logins_total{outcome="ok"} 1`, `comanda_logins_total{outcome="refused"} 2`)
	if got, err := h.pendingBacklog(t.Context()); err != nil || got.Count != 0 {
		t.Errorf("no PENDING registration: got backlog %+v, %v", got, err)
	}
}

func TestRecoveryContinuesTheTraceOfTheRegistration(t *testing.T) {
	h := newHarness(t)
	const trace = "0af7651916cd43dd8448eb211c80319c"
	ctx := telemetry.ContinueTrace(t.Context(), "00-"+trace+"-b7ad6b7169203331-01")
	if _, err := h.createAccount(ctx, "", Registration{Email: "ana@example.com", Password: password, Name: "Ana"}, "k1"); err != nil {
		t.Fatal(err)
	}
	h.later(t, time.Minute)
	h.runRecovery(t)
	all := h.sidecar.All()
	if len(all) != 2 || !strings.Contains(all[0].Traceparent, trace) || !strings.Contains(all[1].Traceparent, trace) {
		t.Errorf("got events %+v, want 2 in trace %s", all, trace)
	}
}

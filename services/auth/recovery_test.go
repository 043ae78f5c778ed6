package main

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"comanda/services/event"
	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

var recoveryTiming = recovery.Timing{After: 30 * time.Second, GiveUp: 15 * time.Minute, Every: 5 * time.Second}

// later moves the service's clock and the database's clock on.
func (h harness) later(t *testing.T, d time.Duration) {
	t.Helper()
	h.clock.Advance(d)
	servicetest.Age(t, h.pool, d)
}

func (h harness) runRecovery(t *testing.T) {
	t.Helper()
	if err := h.recoverRegistrations(t.Context(), recoveryTiming); err != nil {
		t.Fatal(err)
	}
}

func TestRecoveryAnnouncesAgainAndGivesUp(t *testing.T) {
	h := newHarness(t)
	id, member := h.registerPending(t, "ana@example.com"), h.registerActive(t, "eva@example.com")
	announced := func() int {
		count := 0
		for _, e := range servicetest.Events(t, h.sidecar, "accounts", event.CreatingUser) {
			if e.UserID == id {
				count++
			}
		}
		return count
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{20 * time.Second, 1}, {20 * time.Second, 2}, {0, 2}, {59 * time.Second, 2}, {20 * time.Second, 3}} {
		h.later(t, step.after)
		h.runRecovery(t)
		if got := announced(); got != step.want {
			t.Errorf("got %d announcements, want %d", got, step.want)
		}
	}
	h.later(t, 15*time.Minute)
	h.runRecovery(t)
	h.runRecovery(t)
	cancelled := servicetest.Events(t, h.sidecar, "accounts", event.CreatingUserCancelled)
	if now := h.registration(t, id); now.Status != Rejected || now.Reason != "timed_out" || len(cancelled) != 1 ||
		cancelled[0].UserID != id {
		t.Fatalf("got %+v, cancellations %+v, want REJECTED, timed_out and one cancellation", now, cancelled)
	}
	h.deliverOutcome(t, id, event.UserCreated, "") // too late: auth has to cancel the profile again
	if got := len(servicetest.Events(t, h.sidecar, "accounts", event.CreatingUserCancelled)); got != 2 {
		t.Errorf("after a late outcome: got %d cancellations, want 2", got)
	}
	if now := h.registration(t, member); now.Status != Active {
		t.Errorf("another account: got %+v, want ACTIVE", now)
	}
	h.registerPending(t, "ana@example.com") // the e-mail is free again
}

func TestRecoveryRunsOnOneReplicaAtATime(t *testing.T) {
	h := newHarness(t)
	h.registerPending(t, "ana@example.com")
	h.later(t, time.Minute)
	_, err := recovery.RunExclusively(t.Context(), h.pool, recovery.Lease, func(context.Context) error {
		h.runRecovery(t)
		return nil
	})
	if got := len(h.sidecar.All()); err != nil || got != 1 {
		t.Fatalf("while another replica runs: got %d announcements, %v, want 1", got, err)
	}
	h.runRecovery(t)
	if got := len(h.sidecar.All()); got != 2 {
		t.Fatalf("got %d announcements, want 2", got)
	}
}

func TestRecoverySurvivesAnUnavailableSidecar(t *testing.T) {
	h := newHarness(t)
	for i := range 3 {
		h.registerPending(t, strings.Repeat("a", i+1)+"@example.com")
	}
	h.later(t, time.Minute)
	h.sidecar.Away(true)
	ended := servicetest.EndedSpans(t)
	if err := h.recoverRegistrations(t.Context(), recoveryTiming); err == nil {
		t.Fatal("recovery without a sidecar: got no error")
	}
	if all, failed := ended("recover registration"); all != 3 || failed != 3 {
		t.Errorf("got %d spans, %d failed, want 3 and 3", all, failed)
	}
	h.sidecar.Away(false)
	h.runRecovery(t)
	if all, failed := ended("recover registration"); all != 6 || failed != 3 {
		t.Errorf("after the sidecar is back: got %d spans, %d failed, want 6 and 3", all, failed)
	}
	if got := len(h.sidecar.All()); got != 6 {
		t.Fatalf("got %d announcements, want 6", got)
	}
}

func TestFirstAdminIsRegisteredOnceUntilActive(t *testing.T) {
	h := newHarness(t)
	wanted, err := firstAdmin{Email: "Boss@example.com", Password: password}.registration()
	if err != nil {
		t.Fatal(err)
	}
	h.sidecar.Away(true)
	ended := servicetest.EndedSpans(t)
	if _, err := h.tryFirstAdmin(t.Context(), *wanted); err == nil {
		t.Error("first admin without a sidecar: got no error")
	}
	if all, failed := ended("register the first admin"); all != 1 || failed != 1 {
		t.Errorf("got %d spans, %d failed, want 1 and 1", all, failed)
	}
	h.sidecar.Away(false)
	for range 2 { // a second replica, or a second try
		if done, err := h.tryFirstAdmin(t.Context(), *wanted); done || err != nil {
			t.Fatalf("got done %v, %v, want false while PENDING", done, err)
		}
	}
	requests := servicetest.Events(t, h.sidecar, "accounts", event.CreatingUser)
	if len(requests) != 1 {
		t.Fatalf("got %d profile requests, want 1", len(requests))
	}
	h.deliverOutcome(t, requests[0].UserID, event.UserRejected, reasonTimedOut) // a rejected registration is repeated
	if _, err := h.tryFirstAdmin(t.Context(), *wanted); err != nil {
		t.Fatal(err)
	}
	requests = servicetest.Events(t, h.sidecar, "accounts", event.CreatingUser)
	h.deliverOutcome(t, requests[len(requests)-1].UserID, event.UserCreated, "")
	h.ensureFirstAdmin(t.Context(), *wanted) // returns because the account is ACTIVE
	got, code := h.logIn(t, "boss@example.com", password)
	claims, err := token.NewVerifier(servicetest.Secret).Bearer("Bearer " + got.AccessToken)
	if code != 200 || err != nil || !claims.Any(token.Admin) || !claims.Any(token.Customer) || len(requests) != 2 {
		t.Fatalf("got %d, roles %v, %v, %d profile requests, want 200, customer and admin, 2", code, claims.Roles, err, len(requests))
	}
}

func TestFirstAdminSettingDoesNotPromoteAnExistingAccount(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "boss@example.com")
	h.ensureFirstAdmin(t.Context(), Registration{Email: "boss@example.com", Password: "another secret", Name: "Administrator"})
	got, _ := h.logIn(t, "boss@example.com", password)
	if claims, err := token.NewVerifier(servicetest.Secret).Bearer("Bearer " + got.AccessToken); err != nil ||
		claims.Any(token.Admin) {
		t.Fatalf("got roles %v, %v, want no admin", claims.Roles, err)
	}
}

func TestFirstAdminSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		admin firstAdmin
		want  string
	}{
		"neither":        {firstAdmin{}, ""},
		"both":           {firstAdmin{"boss@example.com", password}, ""},
		"no password":    {firstAdmin{Email: "boss@example.com"}, "ADMIN_PASSWORD is not"},
		"no e-mail":      {firstAdmin{Password: password}, "ADMIN_EMAIL is not"},
		"a bad e-mail":   {firstAdmin{"boss", password}, "ADMIN_EMAIL must be"},
		"a short secret": {firstAdmin{"boss@example.com", "short"}, "ADMIN_PASSWORD must be"},
	} {
		wanted, err := tc.admin.registration()
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) ||
			(wanted != nil) != (name == "both") {
			t.Errorf("%s: got %v, error %v, want %q", name, wanted, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "short") {
			t.Errorf("%s: the error contains the password: %v", name, err)
		}
	}
}

// The operator may choose a weak password for the first admin: auth logs a warning, without the password.
func TestWeakPasswordOfTheFirstAdminIsAWarning(t *testing.T) {
	for secret, warned := range map[string]bool{"": false, password: false, "12345678": true, "boss@example.com": true, "password password": true} {
		var logged bytes.Buffer
		admin := firstAdmin{"boss@example.com", secret}
		admin.warnOfWeakPassword(slog.New(slog.NewTextHandler(&logged, nil)))
		if got := strings.Contains(logged.String(), "ADMIN_PASSWORD"); got != warned || secret != "" && strings.Contains(logged.String(), secret) {
			t.Errorf("%q: got log %q, want a warning: %v", secret, logged.String(), warned)
		}
		if secret != "" {
			if _, err := admin.registration(); err != nil {
				t.Errorf("%q: got %v, want it accepted", secret, err)
			}
		}
	}
}

func TestRunRejectsInvalidSettings(t *testing.T) {
	good := slices.Clip([]string{"APP_PORT=1", "APP_API_TOKEN=t", "DAPR_API_TOKEN=d", "JWT_SECRET_KEY=" + strings.Repeat("s", 32),
		"AUTH_DATABASE_URL=postgres://x@127.0.0.1:1/x", "EVENT_PUBLIC_KEYS=" + servicetest.EventSettings["EVENT_PUBLIC_KEYS"],
		"AUTH_EVENT_SIGNING_KEY=" + servicetest.EventSettings["AUTH_EVENT_SIGNING_KEY"]})
	for want, environ := range map[string][]string{
		"JWT_SECRET_KEY must be at least 32 bytes": append(good, "JWT_SECRET_KEY=short"),
		"ADMIN_EMAIL is set but":                   append(good, "ADMIN_EMAIL=boss@example.com"),
		"RECOVERY_AFTER":                           append(good, "RECOVERY_AFTER=0s"),
		"AUTH_EVENT_SIGNING_KEY must be 32 bytes":  append(good, "AUTH_EVENT_SIGNING_KEY=short"),
		"EVENT_PUBLIC_KEYS must list auth=": append(good,
			"AUTH_EVENT_SIGNING_KEY="+servicetest.EventSettings["USER_EVENT_SIGNING_KEY"]),
		"JWT_SECRET_KEY_PREVIOUS must be at least": append(good, "JWT_SECRET_KEY_PREVIOUS=short"),
		"SESSION_MAX_AGE must be at least 1m":      append(good, "SESSION_MAX_AGE=1s"),
		"SESSION_MAX_PER_ACCOUNT must be from 1":   append(good, "SESSION_MAX_PER_ACCOUNT=0"),
		"LOGIN_FAILURES_PER_SECOND must be from 0": append(good, "LOGIN_FAILURES_PER_SECOND=NaN"),
		"LOGIN_FAILURES_BURST must be from 1":      append(good, "LOGIN_FAILURES_BURST=0"),
		"AUTH_DATABASE_URL":                        append(good, "AUTH_DATABASE_URL=postgres://%"),
	} {
		if err := run(t.Context(), environ); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %s", err, want)
		}
	}
}

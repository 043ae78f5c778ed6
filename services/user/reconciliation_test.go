package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/timeline"
)

// reconciled is user with an auth that answers for accounts.
type reconciled struct {
	harness
	*reconciler
	auth    *servicetest.Standings
	metrics *prometheus.Registry
}

func newReconciled(t *testing.T) reconciled {
	t.Helper()
	h, registry := newHarness(t), prometheus.NewRegistry()
	auth := servicetest.NewStandings(t, "auth")
	h.service.invoker = auth.Invoker
	r := &reconciler{service: h.service, log: slog.New(slog.DiscardHandler), mended: recovery.NewReconciliationCounter(registry),
		timing: recovery.ReconciliationTiming{After: 30 * time.Minute, Every: time.Minute, UnknownAfter: 72 * time.Hour}}
	return reconciled{h, r, auth, registry}
}

// profileOf creates the profile of an account. Auth answers with status, or does not know the account if status is "".
func (h reconciled) profileOf(t *testing.T, status, phone string) string {
	t.Helper()
	request := profileRequest(phone)
	if status != "" {
		h.auth.Statuses[request.UserID] = status
	}
	h.deliverRequest(t, request)
	return request.UserID
}

func (h reconciled) round(t *testing.T) {
	t.Helper()
	if err := h.runRound(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (h reconciled) wantStatus(t *testing.T, id string, want Status) Profile {
	t.Helper()
	profile, err := h.harness.documents.Get(t.Context(), id)
	if err != nil || profile.Status != want {
		t.Errorf("got %+v, %v, want %s", profile, err, want)
	}
	return profile
}

// If the event was lost that an account was rejected or erased, the account's profile is removed, and its phone number is free again.
func TestLostCancellationsAreReconciled(t *testing.T) {
	h := newReconciled(t)
	active, suspended, pending := h.profileOf(t, "ACTIVE", ""), h.profileOf(t, "SUSPENDED", ""), h.profileOf(t, "PENDING", "")
	rejected, erased := h.profileOf(t, "REJECTED", "+34600111222"), h.profileOf(t, "ERASED", "+34600111333")
	h.addLetter(t, "", "not JSON, but with the number +34600111333")
	h.round(t)
	if len(h.auth.Asked) != 0 {
		t.Errorf("asked for %d young profiles, want none", len(h.auth.Asked))
	}
	servicetest.Age(t, h.harness.pool, 31*time.Minute)
	h.auth.Away = true
	if err := h.runRound(t.Context()); err == nil {
		t.Error("auth is away: got no error, want one")
	}
	h.wantStatus(t, rejected, Active)
	h.auth.Away = false
	h.round(t)
	for id, want := range map[string]Status{active: Active, suspended: Active, pending: Active, rejected: Cancelled, erased: Erased} {
		h.wantStatus(t, id, want)
	}
	if profile := h.wantStatus(t, rejected, Cancelled); profile.Phone != "" || profile.Reason != "timed_out" {
		t.Errorf("got %+v, want a tombstone with auth's reason", profile)
	}
	if h.wantStatus(t, active, Active).ConfirmedAt.IsZero() || !h.wantStatus(t, pending, Active).ConfirmedAt.IsZero() {
		t.Error("want the profile of the ACTIVE account confirmed, and not that of the PENDING one")
	}
	for id, want := range map[string]string{rejected: "profile_cancelled CANCELLED timed_out 1", erased: "profile_erased ERASED  1"} {
		steps := []string{"profile_created ACTIVE  1", want}
		if id == erased {
			steps = steps[1:]
		}
		got := h.wantSteps(t, id, steps...)
		if last := got[len(got)-1]; last.Cause.Kind != timeline.Recovery || last.Actor.Role != "recovery" || last.DurationMs != nil {
			t.Errorf("got %+v, want a step of the recovery", last)
		}
	}
	if got := h.outcomes(t, rejected); got != "created" {
		t.Errorf("got outcomes %q, want no further event", got)
	}
	h.wantStatus(t, h.profileOf(t, "ACTIVE", "+34600111222"), Active)
	h.wantLetters(t, "") // the erased person's
	servicetest.WantMetrics(t, h.metrics, `comanda_reconciled_total{step="ended"} 2`, `comanda_reconciled_total{step="unknown"} 0`)
}

// Auth's database may be restored from an older copy, or for a moment from the wrong one. Only the profile of an account that stays
// unknown is removed, also if its owner has changed it.
func TestProfilesOfUnknownAccountsAreRemovedAfterAPeriod(t *testing.T) {
	h := newReconciled(t)
	lost, back := h.profileOf(t, "ACTIVE", "+34600111222"), h.profileOf(t, "ACTIVE", "+34600111333")
	verified := h.verifiedProfile(t, "+34600111444") // staff verified the number, and then the registration timed out
	h.auth.Statuses[verified] = "REJECTED"
	h.Request(t, customer(lost), "PATCH", "/users/me", `{"name":"Ana María"}`)
	servicetest.Age(t, h.harness.pool, time.Hour)
	h.round(t)
	delete(h.auth.Statuses, lost)
	delete(h.auth.Statuses, back)
	h.round(t)
	h.ageUnknown(t, 71*time.Hour)
	h.round(t)
	h.wantStatus(t, lost, Active)
	h.wantStatus(t, verified, Active)
	h.auth.Statuses[back] = "ACTIVE"
	h.round(t)
	delete(h.auth.Statuses, back) // the period begins again
	h.ageUnknown(t, time.Hour)
	h.round(t)
	if profile := h.wantStatus(t, lost, Cancelled); profile.Phone != "" || profile.Reason != "unknown_account" {
		t.Errorf("got %+v, want a tombstone", profile)
	}
	h.wantStatus(t, back, Active)
	h.wantStatus(t, verified, Cancelled)
	h.wantSteps(t, lost, "profile_created ACTIVE  1", "profile_cancelled CANCELLED unknown_account 1")
	servicetest.WantMetrics(t, h.metrics, `comanda_reconciled_total{step="unknown"} 2`)
}

// ageUnknown moves back by d the time since which accounts are unknown.
func (h reconciled) ageUnknown(t *testing.T, d time.Duration) {
	t.Helper()
	page, err := h.harness.listActive(t.Context(), startOfList(), 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, listed := range page {
		_, err := h.harness.documents.Change(t.Context(), listed.Profile.ID, func(p *Profile) (event.Message, error) {
			if p.UnknownSince.IsZero() {
				return event.NoMessage, document.ErrUnchanged
			}
			p.UnknownSince = p.UnknownSince.Add(-d)
			return event.NoMessage, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The walk through all profiles continues where the last round stopped, and begins again at the end.
func TestWalkReachesEveryProfile(t *testing.T) {
	h := newReconciled(t)
	for range recovery.MaxStandings + 1 {
		h.profileOf(t, "ACTIVE", "")
	}
	servicetest.Age(t, h.harness.pool, time.Hour)
	// The first round asks about all profiles, which are not confirmed yet, and about the first page of the walk.
	for _, want := range []int{2*recovery.MaxStandings + 1, 2*recovery.MaxStandings + 2, 3*recovery.MaxStandings + 2} {
		h.round(t)
		if len(h.auth.Asked) != want {
			t.Errorf("asked for %d accounts so far, want %d", len(h.auth.Asked), want)
		}
	}
}

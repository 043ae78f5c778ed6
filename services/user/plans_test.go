package main

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/services/internal/database"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

// fillProfiles adds 20,000 copies of an ACTIVE profile. The phone numbers of half of them are verified.
func fillProfiles(t *testing.T, h harness, id string) {
	t.Helper()
	slow := database.Unlimited(t.Context())
	err := pgx.BeginFunc(slow, h.pool, func(tx pgx.Tx) error {
		for _, statement := range []string{
			`set local statement_timeout = 0`,
			`insert into state (key, value, created_at) select 'profile-' || n.id, convert_to((doc(s.value) || jsonb_build_object('id', n.id,
				'phone', '+346' || lpad(n.n::text, 8, '0'), 'confirmedAt', '2026-11-23T12:00:00Z')
				|| case when n.n % 2 = 0 then '{"phoneVerifiedAt":"2026-11-23T12:00:00Z"}' else '{}' end::jsonb)::text, 'UTF8'),
				now() - n.n * interval '1 minute'
				from state s, (select n, gen_random_uuid() as id from generate_series(1, 20000) n) n where s.key = 'profile-` + id + `'`,
		} {
			if _, err := tx.Exec(slow, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	servicetest.Vacuum(t, h.pool, "state")
}

// None of these queries of the service scans the profiles, or reads many of them.
func TestQueriesReadFewProfiles(t *testing.T) {
	r := newReconciled(t)
	ana := profileRequest("+34600111222")
	r.deliverRequest(t, ana)
	fillProfiles(t, r.harness, ana.UserID)
	pool, plans := servicetest.RecordPlans(t, r.harness.pool)
	r.harness.service.store.pool, r.reconciler.store.pool = pool, pool
	r.API = servicetest.NewAPI(r.harness.routes(), r.harness.subscriptions())
	bounds := servicetest.Bounds{Tables: []string{"state"}, Blocks: 500, Removed: 100, Rows: 1000}
	admin := servicetest.Person{ID: ana.UserID, Roles: []string{token.Customer, token.Admin}}
	for _, step := range []struct {
		name string
		call func() error
	}{
		{"phone number", func() error { // a number that another profile has verified
			got := r.Request(t, customer(ana.UserID), "PATCH", "/users/me", `{"phone":"+34600000100"}`)
			if got.Code != http.StatusConflict {
				return fmt.Errorf("got status %d %s, want 409", got.Code, got.Body)
			}
			return nil
		}},
		{"list", func() error {
			first := r.Request(t, admin, "GET", "/users?limit=20", "")
			second := r.Request(t, admin, "GET", "/users?limit=20&cursor="+first.Text("nextCursor"), "")
			if first.Code != http.StatusOK || second.Code != http.StatusOK {
				return fmt.Errorf("got status %d and %d, want 200", first.Code, second.Code)
			}
			return nil
		}},
		{"reconciliation", func() error {
			for _, condition := range []string{unconfirmed, anyProfile} {
				if _, err := r.reconciler.store.activeProfiles(t.Context(), condition, r.timing, activeProfile{ID: "1"}, 100); err != nil {
					return err
				}
			}
			return nil
		}},
		{"deletion", func() error {
			_, err := r.reconciler.store.deleteTombstones(t.Context(), 90*24*time.Hour)
			return err
		}},
	} {
		if err := step.call(); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		plans.Want(t, step.name, bounds)
	}
}

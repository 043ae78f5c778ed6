package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"comanda/services/internal/database"
	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
)

// fillAccounts adds 20,000 copies of an ACTIVE account, each with a session, and as many wrong passwords and entries of the audit trail.
func fillAccounts(t *testing.T, h harness, id string) {
	t.Helper()
	slow := database.Unlimited(t.Context())
	err := pgx.BeginFunc(slow, h.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(slow, `create temporary table numbered on commit drop as
			select n, gen_random_uuid() as id, gen_random_uuid() as family, sha256(n::text::bytea) as hash
			from generate_series(1, 20000) n`); err != nil {
			return err
		}
		for _, statement := range []string{
			`set local statement_timeout = 0`,
			`insert into state (key, value) select 'account-' || n.id, convert_to((doc(s.value)
				|| jsonb_build_object('id', n.id, 'email', 'c' || n || '@example.com'))::text, 'UTF8')
				from state s, numbered n where s.key = 'account-` + id + `'`,
			`insert into refresh_families (id, account, epoch, expires_at) select family, id, 1, now() + interval '20 days'
				from numbered`,
			`insert into refresh_tokens (hash, family, expires_at, names_family) select hash, family, now() + interval '20 days', true
				from numbered`,
			`insert into refresh_paces (account, paced_until) select id, now() + interval '1 minute' from numbered`,
			`insert into login_failures (subject, failures, failed_at, blocked_until) select hash, 1, now(), now() from numbered`,
			`insert into audit (id, at, action, subject) select id, now(), 'roles.changed', id from numbered`,
			`insert into repeats (subject, step, status, cause_kind, cause_id, first_at, last_at, count)
				select id::text, 'active', 'ACTIVE', 'event', '', now(), now(), 1 from numbered`,
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
	servicetest.Vacuum(t, h.pool, "state", "refresh_families", "refresh_tokens", "refresh_paces", "login_failures", "audit", "repeats")
}

// None of these queries of the service scans a table that grows with the accounts, or reads many of its rows.
func TestQueriesReadFewRows(t *testing.T) {
	h := newHarness(t)
	id, admin := h.registerActive(t, "ana@example.com"), h.registerAdmin(t, "admin@example.com")
	fillAccounts(t, h, id)
	pool, plans := servicetest.RecordPlans(t, h.pool)
	h.store.pool, h.sessions.pool, h.throttle.pool, h.repeats.Pool = pool, pool, pool, pool
	h.API = servicetest.NewAPI(h.routes(), h.subscriptions())
	bounds := servicetest.Bounds{Blocks: 500, Removed: 100, Rows: 1000, Tables: []string{
		"state", "refresh_families", "refresh_tokens", "refresh_paces", "login_failures", "audit", "repeats"}}
	ana, timing := h.caller(t, id), recovery.Timing{After: time.Second, GiveUp: time.Minute, Every: time.Second}
	var session tokens
	for _, step := range []struct {
		name string
		call func(context.Context) error
	}{
		{"register", func(context.Context) error {
			return wantCode(h.register(t, "eva@example.com", password).Code, http.StatusAccepted)
		}},
		{"register again", func(context.Context) error {
			return wantCode(h.register(t, "c17@example.com", password).Code, http.StatusConflict)
		}},
		{"wrong password", func(context.Context) error {
			_, code := h.logIn(t, "ana@example.com", "not the password")
			return wantCode(code, http.StatusUnauthorized)
		}},
		{"login", func(context.Context) (err error) {
			var code int
			session, code = h.logIn(t, "ana@example.com", password)
			return wantCode(code, http.StatusOK)
		}},
		{"refresh", func(context.Context) (err error) {
			var code int
			session, code = h.refresh(t, session.RefreshToken, "")
			return wantCode(code, http.StatusOK)
		}},
		{"export", func(context.Context) error {
			return wantCode(h.Request(t, ana, "GET", "/export/account", "", "dapr-caller-app-id", "user").Code, http.StatusOK)
		}},
		{"logout", func(context.Context) error { return wantCode(h.logOut(t, session.RefreshToken), http.StatusNoContent) }},
		{"search", func(context.Context) error {
			return wantCode(h.Request(t, admin, "POST", "/auth/accounts/search", `{"email":"c18@example.com"}`).Code, http.StatusOK)
		}},
		{"roles", func(context.Context) error {
			return wantCode(h.Request(t, admin, "PUT", "/auth/accounts/"+id+"/roles", `{"roles":["customer","staff"]}`).Code, http.StatusOK)
		}},
		{"audit trail", func(context.Context) error {
			return wantCode(h.Request(t, admin, "GET", "/audit/auth?subject="+id+"&limit=20", "").Code, http.StatusOK)
		}},
		{"timeline", func(context.Context) error {
			return wantCode(h.Request(t, admin, "GET", "/auth/registrations/"+id+"/timeline", "").Code, http.StatusOK)
		}},
		{"reconciliation", func(ctx context.Context) error {
			_, err := h.standings(ctx, strings.Fields(strings.Repeat(uuid.NewString()+" ", 100)))
			return err
		}},
		{"settled", func(ctx context.Context) error {
			_, err := h.settled(ctx, []string{id, uuid.NewString()})
			return err
		}},
		{"backlogs", func(ctx context.Context) error {
			if _, err := h.pendingBacklog(ctx); err != nil {
				return err
			}
			_, err := h.deletingBacklog(ctx)
			return err
		}},
		{"recovery of registrations", func(ctx context.Context) error { return h.recoverRegistrations(ctx, timing) }},
		{"recovery of erasures", func(ctx context.Context) error { return h.recoverErasures(ctx, timing) }},
		{"deletion of old sessions", func(ctx context.Context) error {
			_, err := h.sessions.deleteOld(ctx, h.now())
			return err
		}},
		{"deletion of old accounts", func(ctx context.Context) error {
			_, err := h.deleteRejected(ctx, 90*24*time.Hour)
			return err
		}},
		{"deletion of old failures", func(ctx context.Context) error { return h.throttle.deleteOld(ctx, h.now()) }},
	} {
		if err := step.call(t.Context()); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		plans.Want(t, step.name, bounds)
	}
}

func wantCode(got, want int) error {
	if got != want {
		return fmt.Errorf("got status %d, want %d", got, want)
	}
	return nil
}

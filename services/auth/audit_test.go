package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"comanda/services/internal/audit"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
)

// trail returns the audit trail as an admin reads it, the oldest entry first.
func (h harness) trail(t *testing.T, admin servicetest.Person, query string) (entries []audit.Entry) {
	t.Helper()
	list := servicetest.Decode[rest.List[audit.Entry]](t, h.Request(t, admin, "GET", "/audit/auth?limit=100"+query, ""), 200)
	for _, entry := range list.Items {
		entries = append([]audit.Entry{entry}, entries...)
	}
	return entries
}

// Each act on an account leaves exactly one entry, however often its request is repeated. A request that changes nothing leaves none.
func TestEveryActOnAnAccountIsInTheAuditTrail(t *testing.T) {
	h := newHarness(t)
	boss, id := h.registerAdmin(t, "boss@example.com"), h.registerActive(t, "ana@example.com")
	account, address := "/auth/accounts/"+id, []string{rest.ClientHeader, "192.0.2.1/32"}
	mine, _ := h.logIn(t, "ana@example.com", password)
	for range 2 {
		h.Request(t, boss, "PUT", account+"/roles", `{"roles":["staff"]}`, address...)
	}
	h.sidecar.LoseNextAnswer()
	h.Request(t, boss, "PUT", account+"/status", `{"status":"SUSPENDED","reason":"fraud"}`, address...)
	h.Request(t, boss, "PUT", account+"/status", `{"status":"ACTIVE"}`, address...)
	mine, _ = h.logIn(t, "ana@example.com", password)
	for range 2 {
		h.changePasswordOf(t, mine.AccessToken, password, newPassword, append(address, "Idempotency-Key", "k")...)
	}
	h.refresh(t, mine.RefreshToken, "")
	h.clock.Advance(graceTime)
	for range 2 {
		h.Request(t, anonymous, "POST", "/auth/refresh", `{"refreshToken":"`+mine.RefreshToken+`"}`, address...)
	}
	mine, _ = h.logIn(t, "ana@example.com", newPassword)
	for range 2 {
		h.post(t, mine.AccessToken, "/auth/logout-everywhere", "", append(address, "Idempotency-Key", "k")...)
	}
	var got []string
	for _, e := range h.trail(t, boss, "&subject="+id) {
		actor := map[string]string{boss.ID: "boss", id: "ana", "": "unknown"}[e.Actor]
		got = append(got, fmt.Sprint(e.Action, " by ", actor, " from ", e.Address, ": ", string(e.Before), " to ", string(e.After)))
		if e.Subject != id || e.Service != "auth" || e.At.IsZero() {
			t.Errorf("got entry %+v, want its subject, service and time", e)
		}
	}
	want := []string{
		`account.roles_changed by boss from 192.0.2.1/32: {"roles":["customer"]} to {"roles":["customer","staff"]}`,
		`account.suspended by boss from 192.0.2.1/32: {"status":"ACTIVE"} to {"reason":"fraud","status":"SUSPENDED"}`,
		`account.reinstated by boss from 192.0.2.1/32: {"reason":"fraud","status":"SUSPENDED"} to {"status":"ACTIVE"}`,
		`account.password_changed by ana from 192.0.2.1/32:  to `,
		`account.refresh_reused by unknown from 192.0.2.1/32: {"session":"SESSION"} to `,
		`account.sessions_ended by ana from 192.0.2.1/32:  to `,
	}
	for i := range got {
		if before, after, found := strings.Cut(got[i], `"session":"`); found {
			got[i] = before + `"session":"SESSION` + after[36:]
		}
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if first := h.trail(t, boss, "&subject="+boss.ID); len(first) != 1 || first[0].Action != audit.AdminRegistered || first[0].Actor != "" {
		t.Errorf("the first admin: got %+v, want one entry by the system", first)
	}
	if by := h.trail(t, boss, "&actor="+boss.ID); len(by) != 3 {
		t.Errorf("acts of the boss: got %d, want 3", len(by))
	}
}

// While the audit trail cannot be written, every act that needs an entry fails and changes nothing.
func TestNoActCommitsWithoutItsEntry(t *testing.T) {
	h := newHarness(t)
	boss, ana := h.registerAdmin(t, "boss@example.com"), h.registerActive(t, "ana@example.com")
	mine, _ := h.logIn(t, "ana@example.com", password)
	if _, err := h.pool.Exec(t.Context(), `alter table audit rename to elsewhere`); err != nil {
		t.Fatal(err)
	}
	before, err := h.documents.Get(t.Context(), ana)
	if err != nil {
		t.Fatal(err)
	}
	for name, code := range map[string]int{
		"roles":      h.setRolesOf(t, boss, ana, `"staff"`),
		"suspension": h.setStatusOf(t, boss, ana, "SUSPENDED"),
		"password":   h.changePasswordOf(t, mine.AccessToken, password, newPassword).Code,
		"sessions":   h.post(t, mine.AccessToken, "/auth/logout-everywhere", "").Code,
	} {
		if code != 503 {
			t.Errorf("%s: got %d, want 503", name, code)
		}
	}
	after, err := h.documents.Get(t.Context(), ana)
	if difference := cmp.Diff(before, after); err != nil || difference != "" {
		t.Errorf("the account changed (-before +after), %v:\n%s", err, difference)
	}
}

// The entries of two first admins, a change of the password and a reused refresh token hold no password, hash or token.
func TestTheAuditTrailHoldsNoSecrets(t *testing.T) {
	h := newHarness(t)
	boss, id := h.registerAdmin(t, "boss@example.com"), h.registerActive(t, "ana@example.com")
	mine, _ := h.logIn(t, "ana@example.com", password)
	h.changePasswordOf(t, mine.AccessToken, password, newPassword)
	h.refresh(t, mine.RefreshToken, "")
	h.clock.Advance(graceTime)
	h.refresh(t, mine.RefreshToken, "")
	account, err := h.documents.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var rows string
	if err := h.pool.QueryRow(t.Context(), `select string_agg(a::text, ' ') from audit a`).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{password, newPassword, account.PasswordHash, "$argon2", mine.RefreshToken, mine.AccessToken, "example.com"} {
		if strings.Contains(rows, secret) {
			t.Errorf("the trail holds %q", secret)
		}
	}
	if n := len(h.trail(t, boss, "")); n != 3 {
		t.Errorf("got %d entries, want 3", n)
	}
}

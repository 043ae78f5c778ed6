package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

func TestRefreshRotatesAndRevokesOnReuse(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	first, _ := h.logIn(t, "ana@example.com", password)
	second, code := h.refresh(t, first.RefreshToken, "")
	if code != 200 || second.RefreshToken == first.RefreshToken || second.AccessToken == "" {
		t.Fatalf("got %d %+v, want 200 and new tokens", code, second)
	}
	other, _ := h.logIn(t, "ana@example.com", password)
	h.clock.Advance(graceTime)
	if _, code := h.refresh(t, first.RefreshToken, ""); code != 401 {
		t.Errorf("a spent token: got %d, want 401", code)
	}
	if _, code := h.refresh(t, second.RefreshToken, ""); code != 401 {
		t.Errorf("successor after a reuse: got %d, want 401", code)
	}
	if _, code := h.refresh(t, other.RefreshToken, ""); code != 200 {
		t.Errorf("another login's token: got %d, want 200", code)
	}
	if _, code := h.refresh(t, "nonsense", ""); code != 401 {
		t.Errorf("a malformed token: got %d, want 401", code)
	}
	if code := h.Request(t, anonymous, "POST", "/auth/refresh", `{}`).Code; code != 422 {
		t.Errorf("empty body: got %d, want 422", code)
	}
}

func TestRefreshTokenIsStoredHashed(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	got, _ := h.logIn(t, "ana@example.com", password)
	presented, ok := parseRefreshToken(got.RefreshToken)
	var stored []byte
	if err := h.pool.QueryRow(t.Context(), `select hash from refresh_tokens`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if !ok || string(stored) == string(presented.bytes()) || string(stored) != string(presented.hash()) {
		t.Error("the table holds the token itself, want its hash")
	}
}

func TestRepeatedRefreshGetsTheSameTokenAndAnotherKeyRevokes(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	first, _ := h.logIn(t, "ana@example.com", password)
	once, _ := h.refresh(t, first.RefreshToken, "k1")
	twice, code := h.refresh(t, first.RefreshToken, "k1")
	if code != 200 || once.RefreshToken != twice.RefreshToken {
		t.Fatalf("the same request: got %d %s, want 200 %s", code, twice.RefreshToken, once.RefreshToken)
	}
	if _, code := h.refresh(t, once.RefreshToken, "k2"); code != 200 {
		t.Errorf("the successor: got %d, want 200", code)
	}
	h.clock.Advance(graceTime)
	if _, code := h.refresh(t, first.RefreshToken, "k3"); code != 401 {
		t.Errorf("another key: got %d, want 401", code)
	}
	if left := h.countRows(t, "refresh_tokens") + h.countRows(t, "refresh_families"); left != 0 {
		t.Errorf("got %d rows of the revoked family, want 0", left)
	}
}

func TestLateRepetitionRevokesTheFamily(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	first, _ := h.logIn(t, "ana@example.com", password)
	once, _ := h.refresh(t, first.RefreshToken, "k1")
	h.clock.Advance(repeatTime)
	if _, code := h.refresh(t, first.RefreshToken, "k1"); code != 401 {
		t.Errorf("repeated after %v: got %d, want 401", repeatTime, code)
	}
	if _, code := h.refresh(t, once.RefreshToken, "k2"); code != 401 {
		t.Errorf("the successor: got %d, want 401", code)
	}
}

// Two tabs of one customer refresh at once. The second is refused but does not end the session; a later reuse does.
func TestSecondTabKeepsTheSession(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	first, _ := h.logIn(t, "ana@example.com", password)
	winner, _ := h.refresh(t, first.RefreshToken, "tab 1")
	h.clock.Advance(graceTime - time.Second)
	if _, code := h.refresh(t, first.RefreshToken, "tab 2"); code != 401 {
		t.Errorf("the second tab: got %d, want 401", code)
	}
	winner, code := h.refresh(t, winner.RefreshToken, "later")
	if code != 200 {
		t.Fatalf("the first tab afterwards: got %d, want 200", code)
	}
	h.clock.Advance(time.Second)
	if _, code := h.refresh(t, first.RefreshToken, "thief"); code != 401 {
		t.Errorf("a reuse after %v: got %d, want 401", graceTime, code)
	}
	if _, code := h.refresh(t, winner.RefreshToken, "end"); code != 401 {
		t.Errorf("the session after a reuse: got %d, want 401", code)
	}
}

func TestConcurrentRefreshesCreateOneSuccessor(t *testing.T) {
	for name, tc := range map[string]struct {
		key  func(i int) string
		good int
	}{
		"the same request":   {func(int) string { return "k" }, 8},
		"different requests": {func(i int) string { return fmt.Sprint(i) }, 1},
	} {
		h := newHarness(t)
		h.registerActive(t, "ana@example.com")
		first, _ := h.logIn(t, "ana@example.com", password)
		type response struct {
			tokens
			code int
		}
		responses := make(chan response)
		for i := range 8 {
			go func() {
				got, code := h.refresh(t, first.RefreshToken, tc.key(i))
				responses <- response{got, code}
			}()
		}
		codes, successors := map[int]int{}, map[string]bool{}
		for range 8 {
			got := <-responses
			if codes[got.code]++; got.code == 200 {
				successors[got.RefreshToken] = true
			}
		}
		if codes[200] != tc.good || codes[401] != 8-tc.good || len(successors) != 1 {
			t.Errorf("%s: got statuses %v, %d successors, want %d times 200 and one successor", name, codes, len(successors), tc.good)
		}
		for successor := range successors {
			if _, code := h.refresh(t, successor, "next"); code != 200 {
				t.Errorf("%s: the successor got %d, want 200", name, code)
			}
		}
	}
}

// TestLogoutDuringRefreshDeletesTheSession: the session must be deleted in either order of logout and refresh.
func TestLogoutDuringRefreshDeletesTheSession(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	for range 20 {
		first, _ := h.logIn(t, "ana@example.com", password)
		second, _ := h.refresh(t, first.RefreshToken, "k1")
		done := make(chan tokens)
		go func() { got, _ := h.refresh(t, second.RefreshToken, "k2"); done <- got }()
		if code := h.logOut(t, first.RefreshToken); code != 204 {
			t.Fatalf("logout: got %d, want 204", code)
		}
		<-done
		if left := h.countRows(t, "refresh_tokens"); left != 0 {
			t.Fatalf("got %d tokens after the logout, want 0", left)
		}
	}
}

func TestLogoutEndsOneSession(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	got, _ := h.logIn(t, "ana@example.com", password)
	other, _ := h.logIn(t, "ana@example.com", password)
	for _, presented := range []string{got.RefreshToken, got.RefreshToken, "nonsense", newRefreshToken(uuid.New()).String()} {
		if code := h.logOut(t, presented); code != 204 {
			t.Errorf("logout: got %d, want 204", code)
		}
	}
	if _, code := h.refresh(t, got.RefreshToken, ""); code != 401 {
		t.Errorf("refresh after the logout: got %d, want 401", code)
	}
	if _, code := h.refresh(t, other.RefreshToken, ""); code != 200 {
		t.Errorf("refresh of the other session: got %d, want 200", code)
	}
}

func TestRefreshTokensExpireAndAreDeleted(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	idle, _ := h.logIn(t, "ana@example.com", password)
	used, _ := h.logIn(t, "ana@example.com", password)
	h.clock.Advance(20 * 24 * time.Hour)
	used, _ = h.refresh(t, used.RefreshToken, "")
	h.clock.Advance(10 * 24 * time.Hour)
	if _, code := h.refresh(t, idle.RefreshToken, ""); code != 401 {
		t.Errorf("an expired token: got %d, want 401", code)
	}
	deleted, err := h.sessions.deleteOld(t.Context(), h.now())
	if err != nil || deleted == 0 || h.countRows(t, "refresh_tokens") != 1 || h.countRows(t, "refresh_families") != 1 {
		t.Errorf("got %d rows deleted, %v, %d tokens left, want one token in one family", deleted, err,
			h.countRows(t, "refresh_tokens"))
	}
	if _, code := h.refresh(t, used.RefreshToken, ""); code != 200 {
		t.Errorf("the token in use: got %d, want 200", code)
	}
}

func (h harness) countRows(t *testing.T, table string) (rows int) {
	t.Helper()
	if err := h.pool.QueryRow(t.Context(), `select count(*) from `+table).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestNewRolesInvalidateRefreshTokens(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	got, _ := h.logIn(t, "ana@example.com", password)
	admin := h.registerAdmin(t, "boss@example.com")
	setRoles := func(id, roles string) servicetest.Response {
		t.Helper()
		return h.Request(t, admin, "PUT", "/auth/accounts/"+id+"/roles", `{"roles":`+roles+`}`)
	}
	if r := setRoles(id, `["staff"]`); r.Code != 200 || fmt.Sprint(r.Members["roles"]) != "[customer staff]" ||
		r.Text("email") != "ana@example.com" || r.Text("status") != "ACTIVE" || r.Text("userId") != id {
		t.Errorf("set staff: got %d %s", r.Code, r.Body)
	}
	if _, code := h.refresh(t, got.RefreshToken, ""); code != 401 {
		t.Errorf("refresh token from before: got %d, want 401", code)
	}
	got, _ = h.logIn(t, "ana@example.com", password)
	if claims, err := token.NewVerifier(servicetest.Secret).Bearer("Bearer " + got.AccessToken); err != nil ||
		!claims.Any(token.Staff) {
		t.Errorf("access token: got roles %v, %v, want staff", claims.Roles, err)
	}
	if code := setRoles(id, `["customer","staff"]`).Code; code != 200 {
		t.Errorf("the same roles again: got %d, want 200", code)
	}
	if _, code := h.refresh(t, got.RefreshToken, ""); code != 200 {
		t.Errorf("refresh after unchanged roles: got %d, want 200", code)
	}
	rejected := h.registerPending(t, "eva@example.com")
	h.deliverOutcome(t, rejected, event.UserRejected, event.ReasonPhoneTaken)
	for name, tc := range map[string]struct {
		id, roles string
		want      int
	}{
		"unknown role": {id, `["king"]`, 422}, "no list": {id, `"staff"`, 422}, "null": {id, `null`, 422},
		"unknown account": {uuid.NewString(), `[]`, 404}, "not a UUID": {"7", `[]`, 404}, "rejected": {rejected, `["staff"]`, 409},
	} {
		if code := setRoles(tc.id, tc.roles).Code; code != tc.want {
			t.Errorf("%s: got %d, want %d", name, code, tc.want)
		}
	}
	own := h.Request(t, anonymous, "PUT", "/auth/accounts/"+id+"/roles", `{"roles":["admin"]}`,
		"Authorization", "Bearer "+got.AccessToken)
	if own.Code != 403 {
		t.Errorf("staff grants itself admin: got %d, want 403", own.Code)
	}
	if got := len(h.sidecar.All()); got != 3 {
		t.Errorf("got %d events, want one for each registration: role changes publish nothing", got)
	}
}

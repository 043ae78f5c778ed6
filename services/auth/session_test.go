package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/token"
)

func TestRefreshRotates(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	first, _ := h.logIn(t, "ana@example.com", password)
	second, code := h.refresh(t, first.RefreshToken, "")
	if code != 200 || second.RefreshToken == first.RefreshToken || second.AccessToken == "" {
		t.Fatalf("%d %+v", code, second)
	}
	other, _ := h.logIn(t, "ana@example.com", password)
	if _, code := h.refresh(t, first.RefreshToken, ""); code != 401 {
		t.Errorf("a spent token: %d", code)
	}
	if _, code := h.refresh(t, second.RefreshToken, ""); code != 401 {
		t.Errorf("the family goes on after a reuse: %d", code)
	}
	if _, code := h.refresh(t, other.RefreshToken, ""); code != 200 {
		t.Errorf("another login: %d", code)
	}
	if _, code := h.refresh(t, "nonsense", ""); code != 401 {
		t.Errorf("nonsense: %d", code)
	}
	if code := h.call(t, "POST", "/auth/refresh", `{}`, nil); code != 422 {
		t.Errorf("nothing: %d", code)
	}
}

func TestRefreshIsStoredHashed(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	got, _ := h.logIn(t, "ana@example.com", password)
	presented, ok := parseRefreshToken(got.RefreshToken)
	var stored []byte
	if err := h.pool.QueryRow(t.Context(), `select hash from refresh_tokens`).Scan(&stored); err != nil {
		t.Fatal(err)
	}
	if !ok || string(stored) == string(presented[:]) || string(stored) != string(presented.hash()) {
		t.Error("the token itself is stored")
	}
}

func TestTheSameRefreshTwiceIsOneAndAnotherKeyIsAReuse(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	first, _ := h.logIn(t, "ana@example.com", password)
	once, _ := h.refresh(t, first.RefreshToken, "k1")
	twice, code := h.refresh(t, first.RefreshToken, "k1")
	if code != 200 || once.RefreshToken != twice.RefreshToken {
		t.Fatalf("the same request: %d, %s and %s", code, once.RefreshToken, twice.RefreshToken)
	}
	if _, code := h.refresh(t, once.RefreshToken, "k2"); code != 200 {
		t.Errorf("its successor: %d", code)
	}
	if _, code := h.refresh(t, first.RefreshToken, "k3"); code != 401 {
		t.Errorf("another key: %d", code)
	}
	if left := h.countRows(t, "refresh_tokens") + h.countRows(t, "refresh_families"); left != 0 {
		t.Errorf("%d rows of the family are left", left)
	}
}

func TestARepetitionThatComesTooLateIsAReuse(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	first, _ := h.logIn(t, "ana@example.com", password)
	once, _ := h.refresh(t, first.RefreshToken, "k1")
	h.advanceClock(repeatTime)
	if _, code := h.refresh(t, first.RefreshToken, "k1"); code != 401 {
		t.Errorf("got %d", code)
	}
	if _, code := h.refresh(t, once.RefreshToken, "k2"); code != 401 {
		t.Errorf("its successor: %d", code)
	}
}

func TestRefreshesRace(t *testing.T) {
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
		type answer struct {
			tokens
			code int
		}
		answers := make(chan answer)
		for i := range 8 {
			go func() {
				got, code := h.refresh(t, first.RefreshToken, tc.key(i))
				answers <- answer{got, code}
			}()
		}
		codes, successors := map[int]int{}, map[string]bool{}
		for range 8 {
			got := <-answers
			if codes[got.code]++; got.code == 200 {
				successors[got.RefreshToken] = true
			}
		}
		if codes[200] != tc.good || codes[401] != 8-tc.good || len(successors) != 1 {
			t.Errorf("%s: answers %v, %d successors", name, codes, len(successors))
		}
		for successor := range successors {
			if _, code := h.refresh(t, successor, "next"); (code == 200) != (tc.good == 8) {
				t.Errorf("%s: the successor gets %d", name, code)
			}
		}
	}
}

// Whatever order logout and refresh take, nothing of the session is left.
func TestLogoutRacesRefresh(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	for range 20 {
		first, _ := h.logIn(t, "ana@example.com", password)
		second, _ := h.refresh(t, first.RefreshToken, "k1")
		done := make(chan tokens)
		go func() { got, _ := h.refresh(t, second.RefreshToken, "k2"); done <- got }()
		if code := h.call(t, "POST", "/auth/logout", `{"refreshToken":"`+first.RefreshToken+`"}`, nil); code != 204 {
			t.Fatal(code)
		}
		<-done
		if left := h.countRows(t, "refresh_tokens"); left != 0 {
			t.Fatalf("%d tokens survive the logout", left)
		}
	}
}

func TestLogout(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	got, _ := h.logIn(t, "ana@example.com", password)
	other, _ := h.logIn(t, "ana@example.com", password)
	for _, presented := range []string{got.RefreshToken, got.RefreshToken, "nonsense", newRefreshToken().String()} {
		if code := h.call(t, "POST", "/auth/logout", `{"refreshToken":"`+presented+`"}`, nil); code != 204 {
			t.Errorf("got %d", code)
		}
	}
	if _, code := h.refresh(t, got.RefreshToken, ""); code != 401 {
		t.Errorf("after a logout: %d", code)
	}
	if _, code := h.refresh(t, other.RefreshToken, ""); code != 200 {
		t.Errorf("the other session: %d", code)
	}
}

func TestRefreshTokensExpireAndAreDeleted(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	idle, _ := h.logIn(t, "ana@example.com", password)
	used, _ := h.logIn(t, "ana@example.com", password)
	h.advanceClock(20 * 24 * time.Hour)
	used, _ = h.refresh(t, used.RefreshToken, "")
	h.advanceClock(10 * 24 * time.Hour)
	if _, code := h.refresh(t, idle.RefreshToken, ""); code != 401 {
		t.Errorf("an expired token: %d", code)
	}
	deleted, err := h.sessions.deleteExpired(t.Context(), h.now())
	if err != nil || deleted == 0 || h.countRows(t, "refresh_tokens") != 1 || h.countRows(t, "refresh_families") != 1 {
		t.Errorf("deleted %d, %v; left %d tokens", deleted, err, h.countRows(t, "refresh_tokens"))
	}
	if _, code := h.refresh(t, used.RefreshToken, ""); code != 200 {
		t.Errorf("the one in use: %d", code)
	}
}

func (h harness) countRows(t *testing.T, table string) (rows int) {
	t.Helper()
	if err := h.pool.QueryRow(t.Context(), `select count(*) from `+table).Scan(&rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func TestRolesEndRefreshTokens(t *testing.T) {
	h := newHarness(t)
	id := h.registerActive(t, "ana@example.com")
	got, _ := h.logIn(t, "ana@example.com", password)
	admin, err := secret.Sign(uuid.NewString(), []string{token.Admin}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	set := func(id, roles string, out any) int {
		return h.call(t, "PUT", "/auth/accounts/"+id+"/roles", `{"roles":`+roles+`}`, out, "Authorization", "Bearer "+admin)
	}
	var answer map[string]any
	if code := set(id, `["staff"]`, &answer); code != 200 || fmt.Sprint(answer["roles"]) != "[customer staff]" || answer["email"] != "ana@example.com" || answer["status"] != "ACTIVE" || answer["userId"] != id {
		t.Errorf("%d %v", code, answer)
	}
	if _, code := h.refresh(t, got.RefreshToken, ""); code != 401 {
		t.Errorf("the refresh token of before: %d", code)
	}
	got, _ = h.logIn(t, "ana@example.com", password)
	if claims, err := token.NewVerifier(secret).Bearer("Bearer " + got.AccessToken); err != nil || !claims.Any(token.Staff) {
		t.Errorf("%v %v", claims.Roles, err)
	}
	if code := set(id, `["customer","staff"]`, nil); code != 200 {
		t.Errorf("the same again: %d", code)
	}
	if _, code := h.refresh(t, got.RefreshToken, ""); code != 200 {
		t.Errorf("nothing changed, but the refresh token ended: %d", code)
	}
	rejected := h.registerPending(t, "eva@example.com")
	h.deliverOutcome(t, rejected, event.UserRejected, event.ReasonPhoneTaken)
	for name, tc := range map[string]struct {
		id, roles string
		want      int
	}{
		"unknown role": {id, `["king"]`, 422}, "no list": {id, `"staff"`, 422}, "null": {id, `null`, 422}, "nobody": {uuid.NewString(), `[]`, 404},
		"no id": {"7", `[]`, 404}, "rejected": {rejected, `["staff"]`, 409},
	} {
		if code := set(tc.id, tc.roles, nil); code != tc.want {
			t.Errorf("%s: %d", name, code)
		}
	}
	if code := h.call(t, "PUT", "/auth/accounts/"+id+"/roles", `{"roles":["admin"]}`, nil, "Authorization", "Bearer "+got.AccessToken); code != 403 {
		t.Errorf("staff makes itself admin: %d", code)
	}
	if got := len(h.sidecar.All()); got != 2 {
		t.Errorf("roles are announced: %d events", got)
	}
}

package main

import (
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestPaceAllowsABurstAndThenTheInterval(t *testing.T) {
	p, state, now := pace{burst: 3, every: 10 * time.Second}, noon.Add(-time.Hour), noon
	for i, want := range []time.Duration{0, 0, 0, 10 * time.Second} {
		next, wait := p.after(state, now)
		if wait != want {
			t.Errorf("event %d: got a wait of %v, want %v", i, wait, want)
		}
		if wait == 0 {
			state = next
		}
	}
	if _, wait := p.after(state, now.Add(9*time.Second)); wait != time.Second {
		t.Errorf("9 s later: got a wait of %v, want 1s", wait)
	}
}

// rotateAll refreshes until the response is not a 200. It returns the newest tokens, the number of rotations, and the wait that
// the last response asks for.
func (h harness) rotateAll(t *testing.T, newest tokens) (tokens, int, time.Duration) {
	t.Helper()
	for rotations := 0; ; rotations++ {
		r := h.Request(t, anonymous, "POST", "/auth/refresh", `{"refreshToken":"`+newest.RefreshToken+`"}`)
		if r.Code != http.StatusOK {
			seconds, _ := strconv.Atoi(r.Header.Get("Retry-After"))
			if r.Code != http.StatusTooManyRequests || seconds < 1 {
				t.Fatalf("got %d %s, want 429 with Retry-After", r.Code, r.Body)
			}
			return newest, rotations, time.Duration(seconds) * time.Second
		}
		if newest, _ = tokensOf(t, r); rotations > 300 {
			t.Fatal("got 300 rotations in a row, want a limit")
		}
	}
}

func TestRotationsOfASessionAreLimited(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	first, _ := h.logIn(t, "ana@example.com", password)
	newest, rotations, wait := h.rotateAll(t, first)
	if rotations != familyPace.burst || wait != familyPace.every {
		t.Errorf("got %d rotations and a wait of %v, want %d and %v", rotations, wait, familyPace.burst, familyPace.every)
	}
	h.clock.Advance(wait)
	newest, code := h.refresh(t, newest.RefreshToken, "")
	if code != http.StatusOK {
		t.Errorf("after the wait: got %d, want 200: the limit spends no token", code)
	}
	h.clock.Advance(graceTime)
	if _, code := h.refresh(t, first.RefreshToken, ""); code != http.StatusUnauthorized {
		t.Errorf("a reuse: got %d, want 401", code)
	}
	if _, code := h.refresh(t, newest.RefreshToken, ""); code != http.StatusUnauthorized {
		t.Errorf("the session after a reuse: got %d, want 401", code)
	}
}

func TestRotationsOfAnAccountAreLimited(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	total := 0
	for range accountPace.burst/familyPace.burst + 1 {
		session, _ := h.logIn(t, "ana@example.com", password)
		_, rotations, _ := h.rotateAll(t, session)
		total += rotations
	}
	if total != accountPace.burst {
		t.Errorf("got %d rotations in all sessions, want %d", total, accountPace.burst)
	}
	h.registerActive(t, "eva@example.com")
	other, _ := h.logIn(t, "eva@example.com", password)
	if _, code := h.refresh(t, other.RefreshToken, ""); code != http.StatusOK {
		t.Errorf("another account: got %d, want 200", code)
	}
	h.clock.Advance(time.Hour)
	if _, err := h.sessions.deleteOld(t.Context(), h.now()); err != nil || h.countRows(t, "refresh_paces") != 0 {
		t.Errorf("got %d paces after an hour, %v, want none", h.countRows(t, "refresh_paces"), err)
	}
}

func TestOneMoreLoginEndsTheOldestSession(t *testing.T) {
	h := newHarness(t, func(o *options) { o.sessions.PerAccount = 2 })
	h.registerActive(t, "ana@example.com")
	h.registerActive(t, "eva@example.com")
	other, _ := h.logIn(t, "eva@example.com", password)
	var sessions []tokens
	for range 3 {
		h.clock.Advance(time.Second)
		session, _ := h.logIn(t, "ana@example.com", password)
		sessions = append(sessions, session)
	}
	for i, want := range []int{401, 200, 200} {
		if _, code := h.refresh(t, sessions[i].RefreshToken, ""); code != want {
			t.Errorf("session %d: got %d, want %d", i, code, want)
		}
	}
	if _, code := h.refresh(t, other.RefreshToken, ""); code != http.StatusOK {
		t.Errorf("another account's session: got %d, want 200", code)
	}
}

func TestConcurrentLoginsKeepTheNumberOfSessions(t *testing.T) {
	h := newHarness(t, func(o *options) { o.sessions.PerAccount = 2 })
	id := h.registerActive(t, "ana@example.com")
	account, err := h.documents.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if _, err := h.sessions.startSession(t.Context(), account, h.now()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := h.countRows(t, "refresh_families"); got != 2 {
		t.Errorf("got %d sessions, want 2", got)
	}
}

func TestASessionEndsAtItsMaximumAge(t *testing.T) {
	h := newHarness(t, func(o *options) { o.sessions.MaxAge = 40 * 24 * time.Hour })
	h.registerActive(t, "ana@example.com")
	session, _ := h.logIn(t, "ana@example.com", password)
	for range 3 {
		h.clock.Advance(13 * 24 * time.Hour)
		refreshed, code := h.refresh(t, session.RefreshToken, "")
		if code != http.StatusOK {
			t.Fatalf("a younger session: got %d, want 200", code)
		}
		session = refreshed
	}
	var expires time.Time
	if err := h.pool.QueryRow(t.Context(), `select max(expires_at) from refresh_tokens`).Scan(&expires); err != nil {
		t.Fatal(err)
	}
	if left := expires.Sub(h.now()); left != 24*time.Hour {
		t.Errorf("the last token expires in %v, want with its session, in 24h", left)
	}
	h.clock.Advance(24 * time.Hour)
	if _, code := h.refresh(t, session.RefreshToken, ""); code != http.StatusUnauthorized {
		t.Errorf("a session of 40 days: got %d, want 401", code)
	}
}

// The rows of spent tokens are deleted soon. The use of such a token still ends its session.
func TestSpentTokensAreDeletedAndTheirReuseStillRevokes(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	first, _ := h.logIn(t, "ana@example.com", password)
	newest, _, _ := h.rotateAll(t, first)
	if deleted, err := h.sessions.deleteOld(t.Context(), h.now()); err != nil || deleted != 0 {
		t.Errorf("at once: got %d rows deleted, %v, want none", deleted, err)
	}
	h.clock.Advance(spentTime)
	if _, err := h.sessions.deleteOld(t.Context(), h.now()); err != nil || h.countRows(t, "refresh_tokens") != 1 {
		t.Errorf("got %d tokens, %v, want only the valid one", h.countRows(t, "refresh_tokens"), err)
	}
	newest, code := h.refresh(t, newest.RefreshToken, "")
	if code != http.StatusOK {
		t.Fatalf("the valid token: got %d, want 200", code)
	}
	if _, code := h.refresh(t, first.RefreshToken, ""); code != http.StatusUnauthorized {
		t.Errorf("a token whose row was deleted: got %d, want 401", code)
	}
	if _, code := h.refresh(t, newest.RefreshToken, ""); code != http.StatusUnauthorized {
		t.Errorf("the session after a reuse: got %d, want 401", code)
	}
}

// Tokens of older versions do not name their family. They stay valid, and their spent rows are kept: without the rows a reuse could not
// be detected.
func TestTokensOfAnEarlierVersionStayValid(t *testing.T) {
	h := newHarness(t)
	id, family, old := h.registerActive(t, "ana@example.com"), uuid.New(), refreshToken{secret: [32]byte{1, 2, 3}}
	if _, err := h.pool.Exec(t.Context(), `insert into refresh_families (id, account, epoch, expires_at, started_at)
		values ($1, $2, 1, $3, $4)`, family, id, h.now().Add(refreshTTL), h.now()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.pool.Exec(t.Context(), `insert into refresh_tokens (hash, family, expires_at) values ($1, $2, $3)`,
		old.hash(), family, h.now().Add(refreshTTL)); err != nil {
		t.Fatal(err)
	}
	once, code := h.refresh(t, old.String(), "k1")
	again, _ := h.refresh(t, old.String(), "k1")
	if code != http.StatusOK || once.RefreshToken != again.RefreshToken {
		t.Fatalf("got %d, and the same request another token: %t; want 200 twice the same", code, once.RefreshToken != again.RefreshToken)
	}
	h.clock.Advance(spentTime)
	if _, err := h.sessions.deleteOld(t.Context(), h.now()); err != nil {
		t.Fatal(err)
	}
	if _, code := h.refresh(t, old.String(), ""); code != http.StatusUnauthorized || h.countRows(t, "refresh_families") != 0 {
		t.Errorf("a reuse: got %d and %d families, want 401 and none", code, h.countRows(t, "refresh_families"))
	}
}

package main

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"comanda/services/event"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
)

func TestSlowdownDoublesUpToItsMaximum(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		0: 0, 1: 0, 10: 0, 11: 5 * time.Second, 12: 10 * time.Second, 14: 40 * time.Second, 15: time.Minute, 16: time.Minute, 1 << 30: time.Minute,
	} {
		if got := perAccount.blockTime(failures); got != want {
			t.Errorf("%d failures: got %v, want %v", failures, got, want)
		}
	}
}

// logInFrom logs in from an address, as the gateway passes it on.
func (h harness) logInFrom(t *testing.T, address, email, password string) servicetest.Response {
	t.Helper()
	return h.Request(t, anonymous, "POST", "/auth/login", fmt.Sprintf(`{"email":%q,"password":%q}`, email, password), rest.ClientHeader, address)
}

// guess sends wrong passwords and returns how many of each status were answered.
func (h harness) guess(t *testing.T, times int, address func(i int) string, email string) map[int]int {
	t.Helper()
	codes := map[int]int{}
	for i := range times {
		got := h.logInFrom(t, address(i), email, "wrong guess "+strconv.Itoa(i))
		if codes[got.Code]++; got.Code == http.StatusTooManyRequests {
			if wait, err := strconv.Atoi(got.Header.Get("Retry-After")); err != nil || wait < 1 {
				t.Fatalf("got Retry-After %q, want seconds", got.Header.Get("Retry-After"))
			}
		}
	}
	return codes
}

// An attacker with six addresses gets few answers. The owner gets in at once from a new address, and within a minute from an address of
// the attacker. An e-mail without an account is slowed down in the same way, so that the slowdown reveals nothing.
func TestGuessingIsSlowedDownForEachAccount(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	h.registerActive(t, "ben@example.com")
	six := func(i int) string { return fmt.Sprintf("203.0.113.%d/32", i%6) }
	known := h.guess(t, 180, six, "ana@example.com")
	if unknown := h.guess(t, 180, six, "nobody@example.com"); fmt.Sprint(known) != fmt.Sprint(unknown) {
		t.Errorf("got %v for an account and %v for an unknown e-mail, want the same", known, unknown)
	}
	if known[401] != perAccount.free+1 || known[429] != 180-known[401] {
		t.Errorf("got %v, want %d answers and then 429", known, perAccount.free+1)
	}
	if got := h.logInFrom(t, six(0), "ana@example.com", password); got.Code != 429 {
		t.Errorf("the owner, beside the attacker: got %d, want 429", got.Code)
	}
	if got := h.logInFrom(t, "203.0.113.1/32", "ben@example.com", password); got.Code != 200 {
		t.Errorf("another account: got %d %s, want 200", got.Code, got.Body)
	}
	if got := h.logInFrom(t, "198.51.100.1/32", "ana@example.com", password); got.Code != 200 {
		t.Errorf("the owner, from a new place: got %d %s, want 200", got.Code, got.Body)
	}
	h.guess(t, 180, six, "ana@example.com")
	h.clock.Advance(perAccount.most)
	if got := h.logInFrom(t, six(0), "Ana@Example.com", password); got.Code != 200 {
		t.Errorf("the owner, beside the attacker, a minute later: got %d %s, want 200", got.Code, got.Body)
	}
}

// Newcomers to a blocked account take turns too: an attacker with any number of addresses gets few
// answers.
func TestManyAddressesAreSlowedDownTogether(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	next := 0
	fresh := func(int) string { next++; return fmt.Sprintf("203.0.%d.%d/32", next/256, next%256) }
	h.guess(t, perAccount.free+1, fresh, "ana@example.com")
	answered := 0
	for range 60 {
		answered += h.guess(t, 5, fresh, "ana@example.com")[401]
		h.clock.Advance(time.Second)
	}
	if answered > 8 { // one newcomer in 10 s, and now and then one when the account's own block ends
		t.Errorf("got %d answers to 300 guesses in a minute, want at most 8", answered)
	}
	if got := h.logInFrom(t, fresh(0), "ana@example.com", password); got.Code != 200 {
		t.Errorf("the owner in a free moment: got %d %s, want 200", got.Code, got.Body)
	}
}

func TestARightPasswordStartsTheCountAgain(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	home := func(int) string { return "203.0.113.1/32" }
	for range 5 {
		if got := h.guess(t, perAddress.free, home, "ana@example.com"); got[401] != perAddress.free {
			t.Fatalf("got %v, want %d times 401", got, perAddress.free)
		}
		if got := h.logInFrom(t, home(0), "ana@example.com", password); got.Code != 200 {
			t.Fatalf("the right password: got %d %s, want 200", got.Code, got.Body)
		}
	}
	h.guess(t, perAddress.free+1, home, "ana@example.com")
	h.clock.Advance(forgetAfter + time.Second)
	if err := h.throttle.deleteOld(t.Context(), h.clock.Now()); err != nil {
		t.Fatal(err)
	}
	if left := h.countRows(t, "login_failures"); left != 0 {
		t.Errorf("got %d rows, want the old ones deleted", left)
	}
}

// Guesses that arrive together are counted like guesses in a row.
func TestConcurrentGuessesCountOneByOne(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	var mu sync.Mutex
	var all sync.WaitGroup
	codes := map[int]int{}
	for i := range 60 {
		all.Go(func() {
			got := h.logInFrom(t, fmt.Sprintf("203.0.113.%d/32", i), "ana@example.com", "wrong guess")
			mu.Lock()
			defer mu.Unlock()
			codes[got.Code]++
		})
	}
	all.Wait()
	if codes[401] != perAccount.free+2 || codes[429] != 60-codes[401] {
		t.Errorf("got %v, want %d times 401, one of them as a newcomer, and then 429", codes, perAccount.free+2)
	}
}

// The slowdown does not reveal whether the account is ACTIVE: a right password for a PENDING account is still answered with 403.
func TestPendingAccountIsNotSlowedDownByItsOwner(t *testing.T) {
	h := newHarness(t)
	id := h.registerPending(t, "ana@example.com")
	for range perAccount.free + 5 {
		if got := h.logInFrom(t, "203.0.113.1/32", "ana@example.com", password); got.Code != 403 {
			t.Fatalf("got %d %s, want 403", got.Code, got.Body)
		}
	}
	h.deliverOutcome(t, id, event.UserCreated, "")
	if got := h.logInFrom(t, "203.0.113.1/32", "ana@example.com", password); got.Code != 200 {
		t.Errorf("got %d %s, want 200", got.Code, got.Body)
	}
}

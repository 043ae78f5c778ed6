package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"comanda/services/internal/fault"
)

func TestFailureLimitAllowsABurstAndThenTheRate(t *testing.T) {
	l, now := &failureLimit{failureRate: failureRate{PerSecond: 2, Burst: 3}}, time.Now()
	for range 3 {
		if err := l.take(now); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.take(now); !fault.Is(err, fault.KindLimited) || fault.From(err).RetryAfter != 500*time.Millisecond {
		t.Errorf("the fourth: got %v, want Limited for 500ms", err)
	}
	if err := l.take(now.Add(500 * time.Millisecond)); err != nil {
		t.Errorf("after 500ms: got %v", err)
	}
	l.giveBack()
	if err := l.take(now); err != nil { // an earlier time must not count twice
		t.Errorf("after a right password: got %v", err)
	}
	for range 9 {
		l.giveBack()
	}
	for range 3 {
		if err := l.take(now); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.take(now); err == nil {
		t.Error("got more attempts than the burst, after more were given back than taken")
	}
}

// An attacker who tries each account once, each time from another address, is slowed down by the limit of all accounts.
func TestGuessingIsSlowedDownForAllAccountsTogether(t *testing.T) {
	h := newHarness(t, func(o *options) { o.failures = failureRate{PerSecond: 0.1, Burst: 3} })
	h.registerActive(t, "ana@example.com")
	for i := range 10 {
		if got := h.logInFrom(t, "198.51.100.1/32", "ana@example.com", password); got.Code != http.StatusOK {
			t.Fatalf("right password %d: got %d %s, want 200: right ones do not count", i, got.Code, got.Body)
		}
	}
	codes := map[int]int{}
	for i := range 10 {
		codes[h.logInFrom(t, fmt.Sprintf("203.0.113.%d/32", i), fmt.Sprintf("p%d@example.com", i), "wrong guess").Code]++
	}
	if codes[http.StatusUnauthorized] != 3 || codes[http.StatusTooManyRequests] != 7 {
		t.Errorf("got %v, want 3 times 401 and then 429", codes)
	}
	limited := h.logInFrom(t, "198.51.100.1/32", "ana@example.com", password)
	if wait, _ := strconv.Atoi(limited.Header.Get("Retry-After")); limited.Code != http.StatusTooManyRequests || wait != 10 {
		t.Errorf("got %d, Retry-After %d, want 429 for 10 s", limited.Code, wait)
	}
	h.clock.Advance(10 * time.Second)
	if got := h.logInFrom(t, "198.51.100.1/32", "ana@example.com", password); got.Code != http.StatusOK {
		t.Errorf("10 s later: got %d %s, want 200", got.Code, got.Body)
	}
}

// Many attempts on one account, which wait for their turn, do not use up the limit of all accounts.
func TestWaitingAttemptsDoNotUseUpTheLimitOfAllAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limit := &failureLimit{failureRate: failureRate{PerSecond: 1, Burst: 1}}
		throttle := newThrottle(nil, limit)
		throttle.turns[turnOf("ana@example.com")] <- struct{}{} // another attempt's turn
		ctx, cancel := context.WithCancel(t.Context())
		waiting := make(chan error)
		go func() {
			_, err := throttle.admit(ctx, "ana@example.com", "", time.Now())
			waiting <- err
		}()
		synctest.Wait()
		if err := limit.take(time.Now()); err != nil {
			t.Errorf("an attempt on another account: got %v", err)
		}
		cancel()
		if err := <-waiting; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}

// Under the right key, the answer to a repeated registration reveals whether its password is right. So the registration counts as a
// login.
func TestARepeatedRegistrationCountsAsALogin(t *testing.T) {
	h := newHarness(t)
	h.registerActive(t, "ana@example.com")
	key := []string{"Idempotency-Key", "k1"}
	h.register(t, "eva@example.com", password, key...)
	codes := map[int]int{}
	for range perAccount.free + 5 {
		codes[h.register(t, "eva@example.com", "another secret", key...).Code]++
	}
	if codes[http.StatusTooManyRequests] == 0 || codes[http.StatusUnprocessableEntity] > perAccount.free {
		t.Errorf("got %v, want 429 after some wrong passwords", codes)
	}
	if got := h.logInFrom(t, "", "eva@example.com", password); got.Code != http.StatusTooManyRequests {
		t.Errorf("login from the same address: got %d %s, want 429", got.Code, got.Body)
	}
	if got := h.register(t, "eva@example.com", password, key...); got.Code != http.StatusTooManyRequests {
		t.Errorf("the right password: got %d %s, want 429 as well", got.Code, got.Body)
	}
	if _, code := h.logIn(t, "ana@example.com", password); code != http.StatusOK {
		t.Errorf("another account: got %d, want 200", code)
	}
}

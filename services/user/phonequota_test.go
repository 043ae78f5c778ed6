package main

import (
	"net/http"
	"testing"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/servicetest"
)

func TestPhoneChangesAreLimited(t *testing.T) {
	h, ana := newHarness(t), profileRequest("+34600111222")
	h.deliverRequest(t, ana)
	h.verifiedProfile(t, "+34600111333")
	change := func(number string) servicetest.Response {
		return h.Request(t, customer(ana.UserID), "PATCH", "/users/me", `{"name":"Lost","phone":"`+number+`"}`)
	}
	for range h.phoneQuota.PhoneChanges - 1 { // refused attempts count
		if got := change("+34600111333"); got.Code != http.StatusConflict {
			t.Fatalf("a verified number: got %d %s, want 409", got.Code, got.Body)
		}
	}
	if profile := h.ownProfile(t, ana.UserID); profile.Version != 1 || profile.Name != "Ana" || profile.Phone != ana.Phone {
		t.Errorf("after refused changes: got %+v, want the profile as it was", profile)
	}
	if got := change("+34600111444"); got.Code != http.StatusOK {
		t.Fatalf("the last change: got %d %s, want 200", got.Code, got.Body)
	}
	for _, number := range []string{"+34600111333", "+34600111555"} {
		got := change(number)
		if got.Code != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" {
			t.Errorf("%s, over the quota: got %d %s, want 429 with Retry-After", number, got.Code, got.Body)
		}
	}
	for _, body := range []string{`{"name":"Ana 2"}`, `{"phone":"+34600111444"}`, `{"phone":null}`} {
		if got := h.Request(t, customer(ana.UserID), "PATCH", "/users/me", body); got.Code != http.StatusOK {
			t.Errorf("%s: got %d, want 200: it is no attempt", body, got.Code)
		}
	}
}

func TestAttemptsAreForgottenAfterADay(t *testing.T) {
	p, quota, begun := Profile{}, PhoneQuota{PhoneChanges: 2}, noon
	for _, step := range []struct {
		at    time.Duration
		retry time.Duration // 0: the attempt is admitted
	}{
		{0, 0},
		{time.Hour, 0},
		{2 * time.Hour, 22 * time.Hour},
		{24*time.Hour - time.Second, time.Second},
		{24 * time.Hour, 0},
		{24 * time.Hour, time.Hour},
		{25 * time.Hour, 0},
	} {
		err := p.CountPhoneChange(quota, begun.Add(step.at))
		var retry time.Duration
		if fault.Is(err, fault.KindLimited) {
			retry = fault.From(err).RetryAfter
		}
		if retry != step.retry || (err == nil) != (step.retry == 0) {
			t.Errorf("after %s: got %v with a retry after %s, want %s", step.at, err, retry, step.retry)
		}
		if len(p.PhoneChanges) > quota.PhoneChanges {
			t.Errorf("after %s: got %d recorded attempts, want at most %d", step.at, len(p.PhoneChanges), quota.PhoneChanges)
		}
	}
	quota.PhoneChanges = 1 // lowered: both attempts have to expire
	if got := fault.From(p.CountPhoneChange(quota, begun.Add(25*time.Hour))).RetryAfter; got != 24*time.Hour {
		t.Errorf("a lower quota: got a retry after %s, want 24h", got)
	}
}

func TestConcurrentPhoneChangesStayWithinTheQuota(t *testing.T) {
	h, ana := newHarness(t), profileRequest("")
	h.deliverRequest(t, ana)
	h.verifiedProfile(t, "+34600111333")
	const racers = 8
	codes := make(chan int, racers)
	for range racers {
		go func() {
			codes <- h.Request(t, customer(ana.UserID), "PATCH", "/users/me", `{"phone":"+34600111333"}`).Code
		}()
	}
	count := map[int]int{}
	for range racers {
		count[<-codes]++
	}
	if count[409] != h.phoneQuota.PhoneChanges || count[429] != racers-h.phoneQuota.PhoneChanges {
		t.Errorf("got statuses %v, want %d times 409 and 429 for the others", count, h.phoneQuota.PhoneChanges)
	}
}

// TestErasureRemovesTheAttempts checks an erasure after the attempts, and one that races with a change.
func TestErasureRemovesTheAttempts(t *testing.T) {
	h := newHarness(t)
	for _, race := range []bool{false, true} {
		ana := profileRequest("")
		h.deliverRequest(t, ana)
		want := http.StatusOK
		if race {
			want = http.StatusNotFound
			h.sidecar.BeforeNextWrite(func() { h.deliverErasure(t, ana.UserID) })
		}
		if got := h.Request(t, customer(ana.UserID), "PATCH", "/users/me", `{"phone":"+34600111222"}`); got.Code != want {
			t.Errorf("change: got %d %s, want %d", got.Code, got.Body, want)
		}
		h.deliverErasure(t, ana.UserID)
		if profile, err := h.documents.Get(t.Context(), ana.UserID); err != nil || profile.Status != Erased || profile.PhoneChanges != nil {
			t.Errorf("got %+v, %v, want an erased profile without attempts", profile, err)
		}
	}
}

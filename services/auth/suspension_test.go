package main

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestASuspendedAccountIsLockedOut(t *testing.T) {
	h := newHarness(t)
	boss, id := h.registerAdmin(t, "boss@example.com"), h.registerActive(t, "ana@example.com")
	mine, _ := h.logIn(t, "ana@example.com", password)
	unused, _ := h.logIn(t, "ana@example.com", password) // not used while the account is suspended
	path := "/auth/accounts/" + id
	got := h.Request(t, boss, "PUT", path+"/status", `{"status":"SUSPENDED","reason":"chargebacks"}`)
	if got.Code != 200 || got.Text("status") != "SUSPENDED" || got.Text("reason") != "chargebacks" ||
		got.Header.Get("Content-Location") != "/api/v1"+path {
		t.Fatalf("suspend: got %d %s %v", got.Code, got.Body, got.Header)
	}
	if _, code := h.refresh(t, mine.RefreshToken, ""); code != 401 {
		t.Errorf("refresh: got %d, want 401", code)
	}
	for path, body := range map[string]string{"/auth/logout-everywhere": "",
		"/auth/password": `{"currentPassword":"` + password + `","newPassword":"` + newPassword + `"}`} {
		if got := h.post(t, mine.AccessToken, path, body); got.Code != 403 {
			t.Errorf("%s: got %d %s, want 403", path, got.Code, got.Body)
		}
	}
	right, wrong := h.logInFrom(t, "", "ana@example.com", password), h.logInFrom(t, "", "ana@example.com", "not the password")
	if right.Code != 403 || strings.Contains(right.Body, "chargebacks") || wrong.Code != 401 {
		t.Errorf("login: got %d %s and %d %s, want 403 without the reason, and 401 for a wrong password", right.Code, right.Body, wrong.Code, wrong.Body)
	}
	if got := h.registration(t, id); got.Status != Active || got.Reason != "" {
		t.Errorf("registration: got %+v, want ACTIVE: it is public", got)
	}
	if got := h.register(t, "ana@example.com", password); got.Code != 409 {
		t.Errorf("register the e-mail again: got %d, want 409", got.Code)
	}
	if got := h.Request(t, boss, "PUT", path+"/status", `{"status":"ACTIVE"}`); got.Code != 200 || got.Text("status") != "ACTIVE" || got.Text("reason") != "" {
		t.Errorf("reinstate: got %d %s", got.Code, got.Body)
	}
	if _, code := h.refresh(t, unused.RefreshToken, ""); code != 401 {
		t.Errorf("refresh of before: got %d, want 401", code)
	}
	if _, code := h.logIn(t, "ana@example.com", password); code != 200 {
		t.Errorf("login: got %d, want 200", code)
	}
}

func TestStatusHonoursPreconditions(t *testing.T) {
	h := newHarness(t)
	boss := h.registerAdmin(t, "boss@example.com")
	pending := h.registerPending(t, "eva@example.com")
	path := "/auth/accounts/" + h.registerActive(t, "ana@example.com") // version 2
	for _, step := range []struct {
		method, body, header, value string
		code                        int
		etag                        string
	}{
		{"GET", "", "", "", 200, `"2"`},
		{"GET", "", "If-None-Match", `"2"`, 304, `"2"`},
		{"PUT", `{"status":"SUSPENDED"}`, "If-Match", `"1"`, 412, ""},
		{"PUT", `{"status":"ASLEEP"}`, "", "", 422, ""},
		{"PUT", `{"status":"ACTIVE","reason":"x"}`, "", "", 422, ""},
		{"PUT", `{}`, "", "", 422, ""},
		{"PUT", `{"status":"SUSPENDED"}`, "If-Match", `"2"`, 200, `"3"`},
		{"PUT", `{"status":"SUSPENDED"}`, "", "", 200, `"3"`}, // nothing to change
		{"PUT", `{"status":"SUSPENDED","reason":"fraud"}`, "", "", 200, `"4"`},
		{"PUT", `{"status":"ACTIVE"}`, "If-Match", `"3"`, 412, ""},
	} {
		target := path
		if step.method == "PUT" {
			target += "/status"
		}
		got := h.Request(t, boss, step.method, target, step.body, step.header, step.value)
		if got.Code != step.code || got.Header.Get("ETag") != step.etag {
			t.Errorf("%s %s with %s: got %d %s %s, want %d %s", step.method, step.body, step.value, got.Code,
				got.Header.Get("ETag"), got.Body, step.code, step.etag)
		}
	}
	h.sidecar.LoseNextAnswer()
	if got := h.Request(t, boss, "PUT", path+"/status", `{"status":"ACTIVE"}`, "If-Match", `"4"`); got.Code != 200 || got.Header.Get("ETag") != `"5"` {
		t.Errorf("our own write, whose response was lost: got %d %s, want 200", got.Code, got.Body)
	}
	for id, want := range map[string]int{pending: 409, uuid.NewString(): 404, "7": 404} {
		if got := h.setStatusOf(t, boss, id, "SUSPENDED"); got != want {
			t.Errorf("suspend %s: got %d, want %d", id, got, want)
		}
	}
}

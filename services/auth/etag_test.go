package main

import (
	"testing"

	"github.com/google/uuid"

	"comanda/services/event"
)

func TestRegistrationsHaveAnETag(t *testing.T) {
	h := newHarness(t)
	begun := h.register(t, "ana@example.com", password)
	path := "/auth/registrations/" + begun.Text("userId")
	if begun.Code != 202 || begun.Header.Get("ETag") != `"1"` || begun.Header.Get("Content-Location") != "/api/v1"+path {
		t.Errorf("registered: got %d %v, want 202 with ETag \"1\"", begun.Code, begun.Header)
	}
	if got := h.Request(t, anonymous, "GET", path, "", "If-None-Match", `"1"`); got.Code != 304 {
		t.Errorf("unchanged: got %d, want 304", got.Code)
	}
	h.deliverOutcome(t, begun.Text("userId"), event.UserCreated, "")
	if got := h.Request(t, anonymous, "GET", path, "", "If-None-Match", `"1"`); got.Code != 200 || got.Header.Get("ETag") != `"2"` {
		t.Errorf("decided: got %d %v, want 200 with ETag \"2\"", got.Code, got.Header)
	}
	if got := h.Request(t, anonymous, "POST", "/auth/login?email=x", `{}`); got.Code != 400 {
		t.Errorf("an unknown parameter: got %d, want 400", got.Code)
	}
}

func TestRolesHonourPreconditions(t *testing.T) {
	h := newHarness(t)
	path := "/auth/accounts/" + h.registerActive(t, "ana@example.com") + "/roles" // version 2
	admin := h.registerAdmin(t, "boss@example.com")
	for _, step := range []struct {
		method, roles, header, value string
		code                         int
		etag                         string
	}{
		{"GET", "", "", "", 200, `"2"`},
		{"GET", "", "If-None-Match", `"2"`, 304, `"2"`},
		{"PUT", `"staff"`, "If-Match", `"1"`, 412, ""},
		{"PUT", `"staff"`, "If-None-Match", `*`, 412, ""},
		{"PUT", `"staff"`, "If-Match", `2`, 400, ""},
		{"PUT", `"king"`, "If-Match", `"1"`, 422, ""},
		{"PUT", `"staff"`, "If-Match", `"2"`, 200, `"3"`},
		{"PUT", `"staff"`, "If-Match", `"2"`, 412, ""},
		{"PUT", `"staff"`, "", "", 200, `"3"`}, // nothing to change
		{"GET", "", "If-None-Match", `"2"`, 200, `"3"`},
	} {
		body := ""
		if step.method == "PUT" {
			body = `{"roles":[` + step.roles + `]}`
		}
		got := h.Request(t, admin, step.method, path, body, step.header, step.value)
		if got.Code != step.code || got.Header.Get("ETag") != step.etag {
			t.Errorf("%s %s with %s %s: got %d %s %s, want %d %s", step.method, step.roles, step.header, step.value, got.Code,
				got.Header.Get("ETag"), got.Body, step.code, step.etag)
		}
	}
	for _, id := range []string{uuid.NewString(), "7"} {
		if got := h.Request(t, admin, "GET", "/auth/accounts/"+id+"/roles", ""); got.Code != 404 {
			t.Errorf("an unknown account: got %d, want 404", got.Code)
		}
	}
	h.sidecar.LoseNextAnswer()
	got := h.Request(t, admin, "PUT", path, `{"roles":[]}`, "If-Match", `"3"`)
	if got.Code != 200 || got.Header.Get("ETag") != `"4"` {
		t.Errorf("our own write, whose response was lost: got %d %s, want 200", got.Code, got.Body)
	}
}

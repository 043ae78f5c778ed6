package main

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

func TestProfilesHonourPreconditions(t *testing.T) {
	h, ana := newHarness(t), profileRequest("")
	h.deliverRequest(t, ana)
	me, admin := customer(ana.UserID), servicetest.Person{ID: uuid.NewString(), Roles: []string{token.Admin}}
	for _, step := range []struct {
		who                         servicetest.Person
		method, path, header, value string
		name                        string // the new name of a PATCH
		code                        int
		etag                        string
	}{
		{me, "GET", "/users/me", "", "", "", 200, `"1"`},
		{me, "GET", "/users/me", "If-None-Match", `W/"1"`, "", 304, `"1"`},
		{me, "GET", "/users/me", "If-None-Match", `"2"`, "", 200, `"1"`},
		{admin, "GET", "/users/" + ana.UserID, "If-None-Match", `"1"`, "", 304, `"1"`},
		{me, "PATCH", "/users/me", "If-Match", `"nonsense"`, "Lost", 412, ""},
		{me, "PATCH", "/users/me", "If-Match", `"1"`, "Ana 2", 200, `"2"`},
		{me, "PATCH", "/users/me", "If-Match", `"1"`, "Ana 2", 412, ""}, // also when nothing would change
		{me, "PATCH", "/users/me", "If-Match", `"1"`, "Lost", 412, ""},
		{me, "PATCH", "/users/me", "If-None-Match", "*", "Lost", 412, ""},
		{me, "PATCH", "/users/me", "If-Match", `1`, "Lost", 400, ""},
		{me, "PATCH", "/users/me", "If-Match", `"1", "2"`, "Ana 3", 200, `"3"`},
		{me, "PATCH", "/users/me", "If-Match", "*", "Ana 4", 200, `"4"`},
		{me, "PATCH", "/users/me", "", "", "Ana 5", 200, `"5"`},
		{customer(uuid.NewString()), "PATCH", "/users/me", "If-Match", `"1"`, "Eva", 404, ""},
		{me, "GET", "/users/me", "If-None-Match", `"1"`, "", 200, `"5"`},
	} {
		body := ""
		if step.name != "" {
			body = fmt.Sprintf(`{"name":%q}`, step.name)
		}
		got := h.Request(t, step.who, step.method, step.path, body, step.header, step.value)
		if got.Code != step.code || got.Header.Get("ETag") != step.etag ||
			step.code == 200 && step.name != "" && got.Text("name") != step.name {
			t.Errorf("%s %s with %s %s: got %d %s %s, want %d %s", step.method, step.name, step.header, step.value, got.Code,
				got.Header.Get("ETag"), got.Body, step.code, step.etag)
		}
	}
}

// Of many edits of the same version, only one takes effect: no update is lost.
func TestConcurrentPatchesOfOneVersion(t *testing.T) {
	h, ana := newHarness(t), profileRequest("")
	h.deliverRequest(t, ana)
	const racers = 8
	codes := make(chan int, racers)
	for i := range racers {
		go func() {
			body := fmt.Sprintf(`{"name":"Ana %d"}`, i)
			codes <- h.Request(t, customer(ana.UserID), "PATCH", "/users/me", body, "If-Match", `"1"`).Code
		}()
	}
	count := map[int]int{}
	for range racers {
		count[<-codes]++
	}
	if count[200] != 1 || count[412] != racers-1 {
		t.Errorf("got statuses %v, want one 200 and %d times 412", count, racers-1)
	}
}

// When the response to our own write is lost, If-Match must not mistake that write for another client's.
func TestAWriteOfAProfileWhoseResponseIsLostKeepsItsPrecondition(t *testing.T) {
	h, ana := newHarness(t), profileRequest("")
	h.deliverRequest(t, ana)
	h.sidecar.LoseNextAnswer()
	got := h.Request(t, customer(ana.UserID), "PATCH", "/users/me", `{"name":"Eva"}`, "If-Match", `"1"`)
	if got.Code != 200 || got.Header.Get("ETag") != `"2"` {
		t.Errorf("got %d %s, want 200 with version 2", got.Code, got.Body)
	}
}

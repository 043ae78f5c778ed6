package deadletter

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

// An erasure deletes every letter about the person, even letters whose payload is no event. A record with the person as subject that arrives
// later is not stored.
func TestEraseRemovesAPerson(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	ana, ben := uuid.NewString(), uuid.NewString()
	h.store(t, topic, genuine(t, "1", ana))
	h.store(t, topic, []byte("of "+ana))
	h.store(t, topic, []byte("mail ana@example.com"))
	h.store(t, topic, genuine(t, "2", ben))
	if err := Erase(t.Context(), h.pool, ana, "ana@example.com", ""); err != nil {
		t.Fatal(err)
	}
	h.store(t, topic, genuine(t, "3", ana))
	letters := h.list(t)
	if len(letters) != 1 || letters[0].EventID != "2" {
		t.Errorf("got %+v, want only that of another person", letters)
	}
}

func TestOnlyAdminsSeeLetters(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.store(t, topic, genuine(t, "e", "o1"))
	id := h.list(t)[0].ID
	for _, caller := range []servicetest.Person{{}, {ID: admin.ID, Roles: []string{token.Customer, token.Staff}}} {
		for _, route := range h.Routes() {
			got := h.Request(t, caller, route.Method, strings.Replace(route.Path, "{id}", id, 1), "")
			if got.Code != 401 && got.Code != 403 {
				t.Errorf("%s %s: got %d, want a refusal", route.Method, route.Path, got.Code)
			}
		}
	}
	for _, route := range h.Routes() { // only the gateway checks the admin's account
		got := h.Request(t, admin, route.Method, strings.Replace(route.Path, "{id}", id, 1), "", servicetest.CalledBy("order")...)
		if got.Code != 403 {
			t.Errorf("%s %s by another service: got %d, want 403", route.Method, route.Path, got.Code)
		}
	}
	if ServiceOf(id) != "product" || ServiceOf(uuid.NewString()) != "" {
		t.Errorf("%s: got the service %q, want product", id, ServiceOf(id))
	}
	for _, unknown := range []string{uuid.NewString(), newID("order", topic, nil), newID("product", topic, nil), "7"} {
		for method, path := range map[string]string{"GET": "", "DELETE": "", "POST": "/replay"} {
			if got := h.Request(t, admin, method, "/dead-letters/"+unknown+path, ""); got.Code != 404 {
				t.Errorf("%s of an unknown letter: got %d, want 404", method, got.Code)
			}
		}
	}
}

// A payload can have 2 MiB. So the response with a letter waits for memory before the letter is read, as a page does.
func TestLettersShareTheMemoryOfTheProcess(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.store(t, topic, genuine(t, "e", "o1"))
	if got := h.WithoutMemory(t).Request(t, admin, "GET", "/dead-letters/"+h.list(t)[0].ID, ""); got.Code != 503 {
		t.Errorf("without memory: got %d %s, want 503", got.Code, got.Body)
	}
}

func TestPagesFollowEachOther(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for i := range 5 {
		h.store(t, topic, genuine(t, fmt.Sprint(i), "o1"))
	}
	h.store(t, "another", []byte("x"))
	var ids []string
	for before := ""; ; {
		page := servicetest.Decode[rest.List[Letter]](t, h.Request(t, admin, "GET", "/dead-letters?limit=2&topic="+topic+before, ""), 200).Items
		for _, letter := range page[:min(2, len(page))] {
			ids = append(ids, letter.EventID)
		}
		if len(page) <= 2 {
			break
		}
		before = "&before=" + Before(page[1].At, page[1].ID)
	}
	if got := strings.Join(ids, ""); got != "43210" {
		t.Errorf("got the events %s, want 43210", got)
	}
}

// Every look at the payload of a letter, which may be personal, is in the audit trail. A list and a letter that was handled show none.
func TestReadingALetterIsAudited(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.store(t, topic, genuine(t, "e", "o1"))
	id := h.list(t)[0].ID
	if got := h.trail(t, id); len(got) != 0 {
		t.Errorf("after a list: got the audit entries %v, want none", got)
	}
	h.show(t, id)
	h.show(t, id)
	want := "dead_letter.read " + admin.ID
	if got := strings.Join(h.trail(t, id), ", "); got != want+", "+want {
		t.Errorf("got the audit entries %s, want two reads of the admin", got)
	}
	h.run(t)
	h.show(t, id)
	if got := strings.Join(h.trail(t, id), ", "); got != want+", "+want+", dead_letter.replayed system" {
		t.Errorf("after the letter was handled: got the audit entries %s, want no further read", got)
	}
}

// A payload whose JSON would not fit into a response when its characters are escaped is shown as bytes.
func TestEveryPayloadCanBeShown(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	large := []byte(`{"a":"` + strings.Repeat("<", 1<<20-100) + `"}`)
	h.store(t, topic, large)
	got := h.Request(t, admin, "GET", "/dead-letters/"+h.list(t)[0].ID, "")
	if shown := servicetest.Decode[Letter](t, got, 200); string(shown.PayloadBase64) != string(large) || len(got.Body) > 3<<20 {
		t.Errorf("got a response of %d bytes with %d bytes of payload, want it to fit into 3 MiB", len(got.Body), len(shown.PayloadBase64))
	}
}

// A request to replay everything is answered in time, however many letters wait.
func TestReplayOfVeryManyLettersIsBounded(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	const surplus = 7
	if _, err := h.pool.Exec(t.Context(), `insert into dead_letters (id, topic, reason, attempts, payload)
		select gen_random_uuid(), 'x', 'y', 1, '' from generate_series(1, $1)`, maxRequested+surplus); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{maxRequested, surplus, 0} {
		got := servicetest.Decode[Requested](t, h.Request(t, admin, "POST", "/dead-letters/replay", ""), 202)
		if got.Requested != want {
			t.Errorf("got %d letters, want %d", got.Requested, want)
		}
	}
	var audited int
	if err := h.pool.QueryRow(t.Context(), `select count(*) from audit`).Scan(&audited); err != nil || audited != maxRequested+surplus {
		t.Errorf("got %d audit entries, %v, want one for each letter", audited, err)
	}
}

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

// An erasure deletes every letter about the person, even letters whose payload is no event. A letter that arrives later is not stored.
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

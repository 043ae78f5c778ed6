package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

func TestPatchChangesOnlyValidMembers(t *testing.T) {
	h, ana := newHarness(t), profileRequest("+34600111222")
	h.deliverRequest(t, ana)
	if code := h.verify(t, ana.UserID, ana.Phone); code != 200 {
		t.Fatalf("verify: got %d, want 200", code)
	}
	eva := h.verifiedProfile(t, "+34600111333")
	for _, tc := range []struct {
		name, body string
		code       int
		version    int
	}{
		{"another profile's phone", `{"phone":"+34 600 111 333"}`, 409, 2},
		{"the profile's own phone", `{"phone":"+34 600 111 222"}`, 200, 2},
		{"a name", `{"name":"Ana María"}`, 200, 3},
		{"no phone", `{"phone":null}`, 200, 4},
		{"no name", `{"name":null}`, 422, 4},
		{"an unknown member", `{"email":"other@example.com"}`, 422, 4},
		{"an unknown member of the address", `{"address":{"zip":"1"}}`, 422, 4},
		{"a wrong type", `{"address":[]}`, 422, 4},
		{"no JSON", `{`, 400, 4},
	} {
		if got := h.Request(t, customer(ana.UserID), "PATCH", "/users/me", tc.body); got.Code != tc.code {
			t.Errorf("%s: got %d, want %d", tc.name, got.Code, tc.code)
		}
		if got := h.ownProfile(t, ana.UserID); got.Version != tc.version {
			t.Errorf("%s: got version %d, want %d", tc.name, got.Version, tc.version)
		}
	}
	if got := h.Request(t, customer(eva), "PATCH", "/users/me", `{"phone":"+34600111222"}`); got.Code != 200 {
		t.Errorf("a phone that its owner removed: got %d, want 200", got.Code)
	}
	if got := len(h.sidecar.All()); got != 2 {
		t.Errorf("got %d events, want 2: edits publish nothing", got)
	}
}

func TestConcurrentPatchesLoseNothing(t *testing.T) {
	h, ana := newHarness(t), profileRequest("")
	h.deliverRequest(t, ana)
	codes := make(chan int, 2)
	for _, body := range []string{`{"name":"Eva"}`, `{"phone":"+34600111222"}`} {
		go func() { codes <- h.Request(t, customer(ana.UserID), "PATCH", "/users/me", body).Code }()
	}
	for range 2 {
		if code := <-codes; code != 200 {
			t.Errorf("patch: got %d, want 200", code)
		}
	}
	if profile := h.ownProfile(t, ana.UserID); profile.Name != "Eva" || profile.Phone != "+34600111222" || profile.Version != 3 {
		t.Errorf("got %+v, want both changes in version 3", profile)
	}
}

func TestListIsPagedNewestFirst(t *testing.T) {
	h := newHarness(t)
	var want []string
	for i := range 5 {
		want = append([]string{h.verifiedProfile(t, fmt.Sprintf("+3460011122%d", i))}, want...)
	}
	gone := profileRequest("+34600111220") // rejected: not listed
	h.deliverRequest(t, gone)
	// The sidecar's own rows in the same table are not profiles, and need not be JSON.
	if _, err := h.pool.Exec(t.Context(),
		`insert into state (key, value) values ('outbox-1', '\x00'), ('outbox-2', '7')`); err != nil {
		t.Fatal(err)
	}
	admin := servicetest.Person{ID: uuid.NewString(), Roles: []string{token.Admin}}
	profiles, _, _ := servicetest.ReadPages[profileResponse](t, h.API, admin, "/users?limit=2")
	var got []string
	for _, profile := range profiles {
		got = append(got, profile.ID)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got %v\nwant %v", got, want)
	}
	cursor := servicetest.Decode[rest.List[profileResponse]](t, h.Request(t, admin, "GET", "/users?limit=2", ""), 200).NextCursor
	for _, changed := range []string{"B" + cursor[1:], cursor + "A", cursor[:len(cursor)-1]} {
		if got := h.Request(t, admin, "GET", "/users?cursor="+changed, ""); got.Code != 400 || len(cursor) > rest.MaxCursor {
			t.Errorf("changed cursor: got %d, want 400", got.Code)
		}
	}
}

// The largest profiles do not make a page that is too large, and each is on one page.
func TestPagesOfProfilesAreBoundedInBytes(t *testing.T) {
	h, text := newHarness(t), func(length int) string { return strings.Repeat("<", length) } // takes six bytes a character in JSON
	for i := range 80 {
		request := profileRequest("")
		request.Name, request.Address = text(maxName), &event.Address{Street: text(200), City: text(200), PostalCode: text(200), Country: "ES"}
		document, err := json.Marshal(NewProfile(request, time.Unix(int64(i), 0)))
		if err != nil {
			t.Fatal(err)
		}
		servicetest.PutDocument(t, h.pool, "profile-"+request.UserID, string(document))
	}
	admin := servicetest.Person{ID: uuid.NewString(), Roles: []string{token.Admin}}
	profiles, pages, largest := servicetest.ReadPages[profileResponse](t, h.API, admin, "/users?limit=100")
	if largest > rest.MaxPage+rest.MaxCursor+100 {
		t.Errorf("got a page of %d bytes, want at most %d", largest, rest.MaxPage)
	}
	seen := map[string]bool{}
	for _, profile := range profiles {
		seen[profile.ID] = true
	}
	if len(seen) != 80 || pages != 2 {
		t.Errorf("got %d profiles on %d pages, want 80 on 2", len(seen), pages)
	}
}

func TestProfilesAreVisibleOnlyToTheirOwnerAndAdmins(t *testing.T) {
	h, ana, admin := newHarness(t), profileRequest(""), uuid.NewString()
	h.deliverRequest(t, ana)
	for _, tc := range []struct {
		path, id, role string
		code           int
	}{
		{"/users/me", "", "", 401},
		{"/users/me", ana.UserID, token.Staff, 403},
		{"/users/me", uuid.NewString(), token.Customer, 404},
		{"/users", ana.UserID, token.Customer, 403},
		{"/users", ana.UserID, token.Staff, 403},
		{"/users/" + ana.UserID, ana.UserID, token.Customer, 403},
		{"/users/" + ana.UserID, admin, token.Admin, 200},
		{"/users/" + uuid.NewString(), admin, token.Admin, 404},
		{"/users/7", admin, token.Admin, 404},
		{"/users?limit=0", admin, token.Admin, 400},
		{"/users?cursor=x", admin, token.Admin, 400},
		{"/users?cursor=bnVsbA", admin, token.Admin, 400},               // null
		{"/users?cursor=eyJpZCI6Ilx1MDAwMCJ9", admin, token.Admin, 400}, // {"id":"\u0000"}
	} {
		caller := servicetest.Person{ID: tc.id, Roles: []string{tc.role}}
		if got := h.Request(t, caller, "GET", tc.path, ""); got.Code != tc.code {
			t.Errorf("GET %s as %q: got %d, want %d", tc.path, tc.role, got.Code, tc.code)
		}
	}
}

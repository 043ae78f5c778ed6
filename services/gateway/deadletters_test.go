package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// letterServer stands in for auth and the services' dead letters.
type letterServer struct {
	letters map[string][]string // by service, newest first: "minute id"
	away    string              // a service that does not answer
	demoted bool                // auth refuses the admin
}

func (l *letterServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	app, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1.0/invoke/"), "/method")
	switch {
	case app == l.away:
		w.WriteHeader(http.StatusBadGateway)
	case strings.HasPrefix(path, "/auth/accounts/"+account) && l.demoted:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"type":"/problems/forbidden","status":403,"detail":"the account has lost the role admin"}`)
	case path == "/dead-letters":
		items := []string{}
		for _, letter := range l.letters[app] {
			minute, id, _ := strings.Cut(letter, " ")
			at := "2026-01-02T03:" + minute + ":00Z"
			if before := r.URL.Query().Get("before"); before == "" || at+","+id < before {
				items = append(items, fmt.Sprintf(`{"id":%q,"at":%q}`, id, at))
			}
		}
		_, _ = fmt.Fprintf(w, `{"items":[%s]}`, strings.Join(items, ","))
	case path == "/dead-letters/replay":
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(w, `{"requested":%d}`, len(l.letters[app]))
	default:
		_, _ = io.WriteString(w, `{}`)
	}
}

// letterID returns the id of a letter of the service with this number.
func letterID(service, n int) string {
	return fmt.Sprintf("%02x000000-0000-8000-8000-%012d", service, n)
}

// The gateway merges the lists of all services into one, newest first, in pages. For the list of one service it asks no other service.
func TestDeadLettersOfAllServicesAreOneList(t *testing.T) {
	h := newHarness(t)
	services := &letterServer{letters: map[string][]string{"auth": {"05 " + letterID(1, 1), "01 " + letterID(1, 2)},
		"order": {"04 " + letterID(3, 1), "03 " + letterID(3, 2)}, "product": {"04 " + letterID(4, 1)}}}
	h.sidecar.respondWith(services.ServeHTTP)
	list := func(query string) (ids []string, next string, status int) {
		got := h.send("GET", prefix+"/dead-letters"+query, "", "Authorization", bearer(t, token.Admin))
		var page rest.List[struct{ ID string }]
		_ = json.Unmarshal([]byte(got.text), &page)
		for _, item := range page.Items {
			ids = append(ids, item.ID)
		}
		return ids, page.NextCursor, got.StatusCode
	}
	var all []string
	for cursor := ""; ; {
		ids, next, status := list("?limit=2&topic=a" + cursor)
		if status != http.StatusOK || len(ids) > 2 {
			t.Fatalf("got %d and %v, want a page of 2", status, ids)
		}
		all = append(all, ids...)
		if next == "" {
			break
		}
		cursor = "&cursor=" + url.QueryEscape(next)
	}
	want := []string{letterID(1, 1), letterID(4, 1), letterID(3, 1), letterID(3, 2), letterID(1, 2)}
	if !slices.Equal(all, want) {
		t.Errorf("got %v, want %v", all, want)
	}
	services.away = "order"
	if _, _, status := list(""); status != http.StatusServiceUnavailable {
		t.Errorf("without order: got %d, want 503", status)
	}
	if ids, _, _ := list("?service=product"); !slices.Equal(ids, []string{letterID(4, 1)}) {
		t.Errorf("of product, without order: got %v", ids)
	}
	if _, _, status := list("?service=gateway"); status != http.StatusBadRequest {
		t.Errorf("of a service without letters: got %d, want 400", status)
	}
}

// Every call about dead letters is for admins. It first asks auth for the admin's account, because the token of a demoted admin is valid
// for minutes. A letter's id leads to its service.
func TestDeadLettersAreForAdmins(t *testing.T) {
	h := newHarness(t)
	services := &letterServer{letters: map[string][]string{"auth": {"01 x"}, "order": {"02 x", "03 x"}}}
	h.sidecar.respondWith(services.ServeHTTP)
	id := letterID(3, 1)
	for _, tc := range []struct{ method, path, reached string }{
		{"GET", "/dead-letters", "auth user order product"}, {"POST", "/dead-letters/replay", "auth user order product"},
		{"GET", "/dead-letters/" + id, "order"}, {"POST", "/dead-letters/" + id + "/replay", "order"}, {"DELETE", "/dead-letters/" + id, "order"},
	} {
		send := func(authorization string) (response, []received) {
			got := h.send(tc.method, prefix+tc.path, "", "Authorization", authorization)
			return got, h.sidecar.takeRequests()
		}
		services.demoted = true
		got, reached := send(bearer(t, token.Admin))
		if got.StatusCode != http.StatusForbidden || !strings.Contains(got.problem().Detail, "lost the role") || len(reached) != 1 {
			t.Errorf("%s %s of a demoted admin: got %d, calls %v, want 403 after a look at the account", tc.method, tc.path, got.StatusCode, reached)
		}
		services.demoted = false
		for authorization, status := range map[string]int{"": http.StatusUnauthorized, bearer(t, token.Customer, token.Staff): http.StatusForbidden} {
			if got, reached := send(authorization); got.StatusCode != status || len(reached) != 0 {
				t.Errorf("%s %s: got %d, calls %v, want %d and none", tc.method, tc.path, got.StatusCode, reached, status)
			}
		}
		got, reached = send(bearer(t, token.Admin))
		apps := []string{}
		for _, one := range reached[1:] {
			app, _, _ := strings.Cut(strings.TrimPrefix(one.uri, "/v1.0/invoke/"), "/")
			apps = append(apps, app)
		}
		want := strings.Fields(tc.reached)
		slices.Sort(want)
		slices.Sort(apps)
		if got.StatusCode >= 300 || !slices.Equal(apps, want) || !strings.Contains(reached[0].uri, "/auth/accounts/"+account) {
			t.Errorf("%s %s: got %d %s, calls of %v, want success and %v", tc.method, tc.path, got.StatusCode, got.text, apps, want)
		}
	}
	h.send("GET", prefix+"/dead-letters/"+id, "", "Authorization", bearer(t, token.Admin))
	if reached := h.sidecar.takeRequests(); reached[1].header.Get(rest.ClientHeader) != "127.0.0.1/32" {
		t.Errorf("got the client %q, want its address for the audit trail", reached[1].header.Get(rest.ClientHeader))
	}
	got := h.send("POST", prefix+"/dead-letters/replay", `{"topic":"x"}`, "Authorization", bearer(t, token.Admin))
	if got.StatusCode != http.StatusAccepted || !strings.Contains(got.text, `"requested":3`) || h.sidecar.takeRequests()[1].body != `{"topic":"x"}` {
		t.Errorf("replay of a topic: got %d %s, want the sum of all", got.StatusCode, got.text)
	}
	got = h.send("GET", prefix+"/dead-letters/"+orderID, "", "Authorization", bearer(t, token.Admin))
	if got.StatusCode != http.StatusNotFound {
		t.Errorf("the id of something else: got %d, want 404", got.StatusCode)
	}
}

// The gateway asks auth for the admin's account before each call with which an admin reads personal data of another service (profiles, audit
// trails): the token of an admin who was demoted is valid for minutes. Without auth's answer the call is refused.
func TestAdminsReadPersonalDataOnlyAsLongAsTheyAreAdmins(t *testing.T) {
	h, guarded := newHarness(t), 0
	services := &letterServer{}
	h.sidecar.respondWith(services.ServeHTTP)
	for _, tc := range publicAPI {
		if tc.who != "admin" || tc.method != "GET" || tc.app == "auth" {
			continue
		}
		guarded++
		send := func() (int, []received) {
			return h.send("GET", prefix+tc.path, "", "Authorization", bearer(t, token.Admin)).StatusCode, h.sidecar.takeRequests()
		}
		services.demoted, services.away = true, ""
		if status, reached := send(); status != http.StatusForbidden || len(reached) != 1 {
			t.Errorf("%s of a demoted admin: got %d, calls %v, want 403 after a look at the account", tc.path, status, reached)
		}
		services.demoted, services.away = false, "auth"
		if status, reached := send(); status != http.StatusServiceUnavailable || len(reached) != 1 {
			t.Errorf("%s without auth: got %d, calls %v, want 503 after a look at the account", tc.path, status, reached)
		}
		services.away = ""
		if status, reached := send(); status != http.StatusOK || len(reached) != 2 || !strings.Contains(reached[1].uri, "/"+tc.app+"/method") {
			t.Errorf("%s of an admin: got %d, calls %v, want 200 from %s", tc.path, status, reached, tc.app)
		}
	}
	if guarded != 5 {
		t.Errorf("got %d calls, want 5: profiles, one profile, and three audit trails", guarded)
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
)

// otherServices replaces the sidecar's HTTP API, and auth and order behind it.
type otherServices struct {
	Close  func() // ends the sidecar's HTTP API
	mu     sync.Mutex
	status map[string]int // by app, instead of 200
	pages  []string       // of order's export
	calls  []string
	tokens map[string]bool
}

func newOtherServices() *otherServices {
	return &otherServices{status: map[string]int{}, pages: []string{`{"items":[]}`}, tokens: map[string]bool{}}
}

// ServeHTTP implements http.Handler.
func (o *otherServices) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, r.URL.RequestURI())
	o.tokens[r.Header.Get("Authorization")+" "+r.Header.Get("dapr-api-token")] = true
	app, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1.0/invoke/"), "/")
	if status := o.status[app]; status != 0 {
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"status":%d,"detail":"refused by %s"}`, status, app)
		return
	}
	answer := `{"account":{"id":"a","email":"ana@example.com"},"sessions":[{"id":"s"}]}`
	if app == "order" {
		page, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Query().Get("cursor"), "page"))
		answer = o.pages[page]
	}
	_, _ = w.Write([]byte(answer))
}

func (o *otherServices) fail(app string, status int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.status[app] = status
}

// ordersPage returns a page with one order of the given size, and the cursor of the next page.
func ordersPage(id string, size int, next string) string {
	page := rest.List[json.RawMessage]{Items: []json.RawMessage{
		json.RawMessage(fmt.Sprintf(`{"id":%q,"notes":%q}`, id, strings.Repeat("n", size)))}, NextCursor: next}
	raw, err := json.Marshal(page)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func TestExportJoinsAllParts(t *testing.T) {
	h, ana := newHarness(t), profileRequest("+34600111222")
	h.deliverRequest(t, ana)
	h.others.pages = []string{ordersPage("one", 10, "")}
	response := h.Request(t, customer(ana.UserID), "GET", "/users/me/export", "")
	got := servicetest.Decode[struct {
		Profile    profileResponse
		Account    struct{ Email string }
		Sessions   []struct{ ID string }
		Orders     []struct{ ID string }
		NextCursor string
	}](t, response, http.StatusOK)
	if got.Profile.Phone != ana.Phone || got.Account.Email != "ana@example.com" || len(got.Sessions) != 1 || got.NextCursor != "" ||
		len(got.Orders) != 1 || got.Orders[0].ID != "one" {
		t.Errorf("got %s, want the profile, the account, a session and an order", response.Body)
	}
	if disposition := response.Header.Get("Content-Disposition"); !strings.HasPrefix(disposition, "attachment;") {
		t.Errorf("Content-Disposition: got %q, want an attachment", disposition)
	}
	if cache := response.Header.Get("Cache-Control"); cache != "no-store" {
		t.Errorf("Cache-Control: got %q, want no-store", cache)
	}
	for tokens := range h.others.tokens {
		if !strings.HasPrefix(tokens, "Bearer ey") || !strings.HasSuffix(tokens, " the api token") {
			t.Errorf("got the tokens %q, want the caller's and the sidecar's", tokens)
		}
	}
}

// Each part of an export has one page of orders, so that it is bounded in bytes.
func TestLongExportHasParts(t *testing.T) {
	h, ana := newHarness(t), profileRequest("+34600111222")
	h.deliverRequest(t, ana)
	h.others.pages = []string{ordersPage("one", 10, "page1"), ordersPage("two", 10, "")}
	first := h.Request(t, customer(ana.UserID), "GET", "/users/me/export", "")
	second := h.Request(t, customer(ana.UserID), "GET", "/users/me/export?cursor="+first.Text("nextCursor"), "")
	if first.Text("nextCursor") != "page1" || strings.Contains(first.Body, `"two"`) || !strings.Contains(second.Body, `"two"`) ||
		second.Text("nextCursor") != "" {
		t.Errorf("got %s and %s, want an order in each", first.Body, second.Body)
	}
	if len(h.others.calls) != 4 || h.others.calls[3] != "/v1.0/invoke/order/method/export/orders?cursor=page1&limit=100" {
		t.Errorf("got the calls %q, want one of auth and one of order for each part", h.others.calls)
	}
}

func TestExportIsCompleteOrFails(t *testing.T) {
	h, ana := newHarness(t), profileRequest("+34600111222")
	if got := h.Request(t, customer(ana.UserID), "GET", "/users/me/export", ""); got.Code != http.StatusNotFound {
		t.Errorf("without a profile: got %d, want 404", got.Code)
	}
	h.deliverErasure(t, ana.UserID)
	if got := h.Request(t, customer(ana.UserID), "GET", "/users/me/export", ""); got.Code != http.StatusNotFound {
		t.Errorf("of an erased profile: got %d, want 404", got.Code)
	}
	ana = profileRequest("+34600111222")
	h.deliverRequest(t, ana)
	for _, tc := range []struct {
		app          string
		status, want int
	}{
		{"auth", 500, 503}, {"order", 503, 503}, {"order", 403, 503}, {"order", 400, 400}, {"auth", 404, 404}, {"order", 401, 401},
	} {
		h.others.fail(tc.app, tc.status)
		got := h.Request(t, customer(ana.UserID), "GET", "/users/me/export", "")
		if got.Code != tc.want || strings.Contains(got.Body, ana.Phone) {
			t.Errorf("%s answers %d: got %d %s, want %d without data", tc.app, tc.status, got.Code, got.Body, tc.want)
		}
		h.others.fail(tc.app, 0)
	}
	h.others.pages = []string{"not JSON"}
	if got := h.Request(t, customer(ana.UserID), "GET", "/users/me/export", ""); got.Code != http.StatusServiceUnavailable {
		t.Errorf("order answers no JSON: got %d, want 503", got.Code)
	}
	h.others.Close()
	if got := h.Request(t, customer(ana.UserID), "GET", "/users/me/export", ""); got.Code != http.StatusServiceUnavailable {
		t.Errorf("without a sidecar: got %d, want 503", got.Code)
	}
}

// An account has one export in progress, and the process a few: the others are refused before they ask the other services.
func TestExportsInProgressAreBounded(t *testing.T) {
	h := newHarness(t)
	var all sync.WaitGroup
	export := func(id string) servicetest.Response { return h.Request(t, customer(id), "GET", "/users/me/export", "") }
	h.others.mu.Lock() // auth does not answer
	release := sync.OnceFunc(h.others.mu.Unlock)
	defer func() { release(); all.Wait() }()
	var ids []string
	for range maxExports + 1 {
		request := profileRequest("")
		h.deliverRequest(t, request)
		ids = append(ids, request.UserID)
	}
	begun := func(n int) {
		for deadline := time.Now().Add(10 * time.Second); h.exports.Held() < int64(n); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("got %d exports in progress, want %d", h.exports.Held(), n)
			}
		}
	}
	for i, id := range ids[:maxExports] {
		all.Go(func() {
			if got := export(id); got.Code != http.StatusOK {
				t.Errorf("an export: got %d %s, want 200", got.Code, got.Body)
			}
		})
		begun(i + 1)
	}
	for id, want := range map[string]int{ids[0]: http.StatusTooManyRequests, ids[maxExports]: http.StatusServiceUnavailable} {
		if got := export(id); got.Code != want || got.Header.Get("Retry-After") == "" {
			t.Errorf("an export beside %d others: got %d %s, want %d", maxExports, got.Code, got.Body, want)
		}
	}
	release()
	all.Wait()
	if got := export(ids[0]); got.Code != http.StatusOK || h.exports.Held() != 0 {
		t.Errorf("after all have ended: got %d, %d in progress, want 200 and 0", got.Code, h.exports.Held())
	}
}

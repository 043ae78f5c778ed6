package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"comanda/services/internal/server"
)

// fakeProduct answers like product and records the calls.
type fakeProduct struct {
	response string
	err      error
	hangs    bool
	calls    []string
}

func (p *fakeProduct) InvokeMethod(ctx context.Context, app, method, verb string) ([]byte, error) {
	p.calls = append(p.calls, app+" "+verb+" "+method)
	if p.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []byte(p.response), p.err
}

const onlySoupActive = `{"items":[{"id":"` + soup + `","name":"Soup","active":true},{"id":"` + bread +
	`","name":"Bread","active":false}]}`

func TestMenuCachesActiveProducts(t *testing.T) {
	now := noon
	product := &fakeProduct{response: onlySoupActive}
	m := newMenu(product, func() time.Time { return now })
	missing := func() string {
		t.Helper()
		unknown, err := m.Missing(t.Context(), []string{soup, bread, customerID})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(unknown[soup], unknown[bread], unknown[customerID])
	}
	if got := missing(); got != "false true true" {
		t.Errorf("got %s, want only soup on the menu", got)
	}
	if want := "product GET menu?id=" + soup + "&id=" + bread + "&id=" + customerID; product.calls[0] != want {
		t.Errorf("got call %q, want %q", product.calls[0], want)
	}
	if missing(); product.calls[1] != "product GET menu?id="+bread+"&id="+customerID {
		t.Errorf("second lookup: got call %q, want soup to come from the cache", product.calls[1])
	}
	now = now.Add(menuCacheTime)
	if missing(); !strings.Contains(product.calls[2], soup) {
		t.Errorf("after menuCacheTime: got call %q, want soup in it", product.calls[2])
	}
	if _, err := m.Missing(t.Context(), []string{soup}); err != nil || len(product.calls) != 3 {
		t.Errorf("cached product: got %v and calls %q, want no call", err, product.calls[3:])
	}
}

func TestMenuLookupTimesOut(t *testing.T) {
	m := newMenu(&fakeProduct{hangs: true}, server.Clock)
	begin := time.Now()
	_, err := m.Missing(t.Context(), []string{soup})
	if took := time.Since(begin); !errors.Is(err, context.DeadlineExceeded) || took < menuTimeout || took > 3*time.Second {
		t.Errorf("got %v after %s, want a timeout after %s", err, took, menuTimeout)
	}
}

func TestMenuLookupReturnsErrors(t *testing.T) {
	for name, product := range map[string]*fakeProduct{"unavailable": {err: errors.New("refused")},
		"invalid response": {response: "<html>"}} {
		if unknown, err := newMenu(product, server.Clock).Missing(t.Context(), []string{soup}); err == nil || unknown != nil {
			t.Errorf("%s: got %v, %v, want an error", name, unknown, err)
		}
	}
}

func TestMenuCacheIsBounded(t *testing.T) {
	m := newMenu(&fakeProduct{}, server.Clock)
	for i := range 3 * maxCachedProducts {
		id := fmt.Sprint(i)
		m.record([]string{id}, map[string]bool{id: true})
	}
	if len(m.cached) > maxCachedProducts {
		t.Errorf("got %d products in the cache, want at most %d", len(m.cached), maxCachedProducts)
	}
}

// A lookup refreshes the cached products that were ordered lately and have used half of their time. It forgets those that are no longer
// active.
func TestMenuLookupRefreshesProductsOrderedLately(t *testing.T) {
	now := noon
	both := strings.Replace(onlySoupActive, `"active":false`, `"active":true`, 1)
	product := &fakeProduct{response: both}
	m := newMenu(product, func() time.Time { return now })
	lookUp := func(want string, ids ...string) {
		t.Helper()
		product.calls = nil
		if _, err := m.Missing(t.Context(), ids); err != nil || strings.Join(product.calls, " ") != want {
			t.Errorf("got %v and calls %q, want %q", err, product.calls, want)
		}
	}
	call := func(ids ...string) string { return "product GET menu?id=" + strings.Join(ids, "&id=") }
	lookUp(call(soup, bread), soup, bread)
	now = now.Add(menuCacheTime / 2)
	lookUp(call(customerID), customerID) // both have half of their time left
	now = now.Add(time.Second)
	lookUp("", soup)
	lookUp(call(customerID, soup, bread), customerID)
	now = now.Add(menuCacheTime / 2)
	product.response = onlySoupActive
	now = now.Add(time.Second)
	lookUp("", soup)
	lookUp(call(customerID, soup), customerID) // bread was ordered too long ago
	now = now.Add(2 * time.Second)
	lookUp(call(bread), bread) // soup is fresh
	lookUp(call(bread), bread) // it is not active
}

// While a lookup may still refresh a product, other lookups leave it out: a slow product must not be asked more.
func TestMenuLookupsDoNotRefreshTheSameProductsAtOnce(t *testing.T) {
	now := noon
	product := &fakeProduct{err: errors.New("no answer")} // so no lookup refreshes soup
	m := newMenu(product, func() time.Time { return now })
	m.record([]string{soup}, map[string]bool{soup: true})
	now = now.Add(menuCacheTime/2 + time.Second)
	for _, pause := range []time.Duration{0, menuTimeout / 2, menuTimeout / 2} {
		now = now.Add(pause)
		_, _ = m.Missing(t.Context(), []string{bread})
	}
	for i, want := range []bool{true, false, true} {
		if got := strings.Contains(product.calls[i], soup); got != want {
			t.Errorf("lookup %d: got that it includes soup: %t, want %t", i+1, got, want)
		}
	}
}

// One lookup asks about at most maxMenuIDs products, and always about those of the order.
func TestMenuLookupIsBounded(t *testing.T) {
	now := noon
	product := &fakeProduct{response: `{"items":[]}`}
	m := newMenu(product, func() time.Time { return now })
	for i := range 2 * maxMenuIDs {
		id := fmt.Sprint("old-", i)
		m.record([]string{id}, map[string]bool{id: true})
	}
	now = now.Add(menuCacheTime - time.Second)
	if _, err := m.Missing(t.Context(), []string{soup, bread}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(product.calls[0], "id="); got != maxMenuIDs || !strings.Contains(product.calls[0], "menu?id="+soup+"&id="+bread+"&") {
		t.Errorf("got %d products in the lookup %q, want the order's two and %d in all", got, product.calls[0], maxMenuIDs)
	}
}

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
		m.cacheProduct(fmt.Sprint(i))
	}
	if len(m.freshUntil) > maxCachedProducts {
		t.Errorf("got %d products in the cache, want at most %d", len(m.freshUntil), maxCachedProducts)
	}
}

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Limits of the menu lookups.
const (
	menuTimeout       = 300 * time.Millisecond // after this the order is accepted without the check
	menuCacheTime     = 5 * time.Second        // how long a product counts as active after a lookup
	maxCachedProducts = 1000                   // products in the cache
	maxMenuIDs        = 100                    // products in one lookup, as product allows
)

// menuClient asks product for its menu: the Dapr SDK's client.
type menuClient interface {
	InvokeMethod(ctx context.Context, appID, methodName, verb string) ([]byte, error)
}

// menu looks up which products can be ordered. It caches products on the menu for menuCacheTime. It does not cache missing
// products, so a new dish can be ordered at once. A lookup also refreshes cached products that were ordered lately: it goes
// through two sidecars, which costs as much for one product as for many.
type menu struct {
	client menuClient
	now    func() time.Time

	mu     sync.Mutex
	cached map[string]cachedProduct // by product id
}

// cachedProduct is a product that was on the menu.
type cachedProduct struct {
	freshUntil time.Time
	orderedAt  time.Time // when it was last asked for
	refreshAt  time.Time // when a lookup of other products last included it
}

func newMenu(client menuClient, now func() time.Time) *menu {
	return &menu{client: client, now: now, cached: map[string]cachedProduct{}}
}

// Missing returns the ids in products that are not on the menu or no longer active. An error means that product did not
// answer in time, or not correctly.
func (m *menu) Missing(ctx context.Context, products []string) (map[string]bool, error) {
	uncached := m.notCached(products)
	if len(uncached) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, menuTimeout)
	defer cancel()
	asked := append(uncached, m.staleBesides(uncached)...)
	query := url.Values{"id": asked}
	raw, err := m.client.InvokeMethod(ctx, "product", "menu?"+query.Encode(), http.MethodGet)
	if err != nil {
		return nil, fmt.Errorf("get product's menu: %w", err)
	}
	var response struct {
		Items []struct {
			ID     string `json:"id"`
			Active bool   `json:"active"`
		} `json:"items"`
	}
	if err := json.Unmarshal(raw, &response); err != nil {
		return nil, fmt.Errorf("decode product's menu: %w", err)
	}
	active := map[string]bool{}
	for _, item := range response.Items {
		active[item.ID] = item.Active
	}
	m.record(asked, active)
	missing := map[string]bool{}
	for _, id := range uncached {
		if !active[id] {
			missing[id] = true
		}
	}
	return missing, nil
}

// notCached returns the ids in products that are not in the cache or have expired.
func (m *menu) notCached(products []string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var uncached []string
	for _, id := range products {
		product, ok := m.cached[id]
		if left := product.freshUntil.Sub(m.now()); left <= 0 || left > menuCacheTime { // too long: the clock was stepped back
			uncached = append(uncached, id)
		}
		if ok {
			product.orderedAt = m.now()
			m.cached[id] = product
		}
	}
	return uncached
}

// staleBesides returns cached products that a lookup of uncached refreshes too: those that were ordered within menuCacheTime and have used
// half of it, the oldest first, as many as fit into the lookup. It leaves out those that another lookup may still refresh.
func (m *menu) staleBesides(uncached []string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	var stale []string
	for id, product := range m.cached {
		ordered, half := now.Sub(product.orderedAt) < menuCacheTime, product.freshUntil.Sub(now) < menuCacheTime/2
		if refreshing := now.Sub(product.refreshAt) < menuTimeout; ordered && half && !refreshing && !slices.Contains(uncached, id) {
			stale = append(stale, id)
		}
	}
	slices.SortFunc(stale, func(a, b string) int {
		return cmp.Or(m.cached[a].freshUntil.Compare(m.cached[b].freshUntil), strings.Compare(a, b))
	})
	stale = stale[:min(len(stale), max(maxMenuIDs-len(uncached), 0))]
	for _, id := range stale {
		product := m.cached[id]
		product.refreshAt = now
		m.cached[id] = product
	}
	return stale
}

// record caches the products that are active, and removes the others from the cache. A full cache is cleared, which costs one more
// lookup for each product.
func (m *menu) record(asked []string, active map[string]bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range asked {
		product, cached := m.cached[id]
		switch {
		case !active[id]:
			delete(m.cached, id)
			continue
		case !cached:
			product.orderedAt = m.now()
		}
		if !cached && len(m.cached) >= maxCachedProducts {
			clear(m.cached)
		}
		product.freshUntil = m.now().Add(menuCacheTime)
		m.cached[id] = product
	}
}

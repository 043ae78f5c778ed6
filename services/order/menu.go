package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Limits of the menu lookups.
const (
	menuTimeout       = 300 * time.Millisecond // after this the order is accepted without the check
	menuCacheTime     = 5 * time.Second        // how long a product counts as active after a lookup
	maxCachedProducts = 1000                   // products in the cache
)

// invoker calls another service through the sidecars (the Dapr SDK's client).
type invoker interface {
	InvokeMethod(ctx context.Context, appID, methodName, verb string) ([]byte, error)
}

// menu looks up which products can be ordered. It caches products on the menu for menuCacheTime. It does not cache missing
// products, so a new dish can be ordered at once.
type menu struct {
	invoke invoker
	now    func() time.Time

	mu         sync.Mutex
	freshUntil map[string]time.Time // by product id
}

func newMenu(invoke invoker, now func() time.Time) *menu {
	return &menu{invoke: invoke, now: now, freshUntil: map[string]time.Time{}}
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
	query := url.Values{"id": uncached}
	raw, err := m.invoke.InvokeMethod(ctx, "product", "menu?"+query.Encode(), http.MethodGet)
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
	missing := map[string]bool{}
	for _, id := range uncached {
		missing[id] = true
	}
	for _, item := range response.Items {
		if item.Active {
			delete(missing, item.ID)
			m.cacheProduct(item.ID)
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
		if left := m.freshUntil[id].Sub(m.now()); left <= 0 || left > menuCacheTime { // too long: the clock was stepped back
			uncached = append(uncached, id)
		}
	}
	return uncached
}

// cacheProduct caches a product. A full cache is cleared, which costs one more lookup for each product.
func (m *menu) cacheProduct(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.freshUntil) >= maxCachedProducts {
		clear(m.freshUntil)
	}
	m.freshUntil[id] = m.now().Add(menuCacheTime)
}

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

// How product is asked for its menu.
const (
	menuTimeout       = 300 * time.Millisecond // how long a customer waits for product before the order is taken unchecked
	menuCacheTime     = 5 * time.Second        // how long an answer is good for
	maxCachedProducts = 1000                   // how many products are remembered
)

// invoker calls another service through the sidecars (the Dapr SDK's client).
type invoker interface {
	InvokeMethod(ctx context.Context, appID, methodName, verb string) ([]byte, error)
}

// menu knows which products can be ordered. What is on the menu it remembers for some seconds; what is not it always asks
// for again, so that a dish can be ordered as soon as it is there.
type menu struct {
	invoke invoker
	now    func() time.Time

	mu         sync.Mutex
	freshUntil map[string]time.Time // by product, how long it is taken to be on the menu
}

func newMenu(invoke invoker, now func() time.Time) *menu {
	return &menu{invoke: invoke, now: now, freshUntil: map[string]time.Time{}}
}

// Missing returns those of products that are not on the menu, or not any more. An error means that product could not say
// in time.
func (m *menu) Missing(ctx context.Context, products []string) (map[string]bool, error) {
	missing := m.notCached(products)
	if len(missing) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, menuTimeout)
	defer cancel()
	query := url.Values{"id": missing}
	raw, err := m.invoke.InvokeMethod(ctx, "product", "menu?"+query.Encode(), http.MethodGet)
	if err != nil {
		return nil, fmt.Errorf("ask product for its menu: %w", err)
	}
	var answer struct {
		Items []struct {
			ID     string `json:"id"`
			Active bool   `json:"active"`
		} `json:"items"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return nil, fmt.Errorf("decode product's menu: %w", err)
	}
	unknown := map[string]bool{}
	for _, id := range missing {
		unknown[id] = true
	}
	for _, item := range answer.Items {
		if item.Active {
			delete(unknown, item.ID)
			m.cacheProduct(item.ID)
		}
	}
	return unknown, nil
}

// forgotten returns those of products that have to be asked for.
func (m *menu) notCached(products []string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var missing []string
	for _, id := range products {
		if !m.now().Before(m.freshUntil[id]) {
			missing = append(missing, id)
		}
	}
	return missing
}

// remember keeps a product. When there are too many it forgets them all, which costs one more question for each.
func (m *menu) cacheProduct(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.freshUntil) >= maxCachedProducts {
		clear(m.freshUntil)
	}
	m.freshUntil[id] = m.now().Add(menuCacheTime)
}

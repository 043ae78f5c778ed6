package main

import (
	"errors"
	"sync"
	"time"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

// watcherBuffer is how many changes a watcher may be behind. An order has seven at most, so one that is further behind is stuck.
const watcherBuffer = 16

// hub passes what is heard on to whoever is watching here. It never waits for a watcher.
type hub struct {
	total, perOrder, perAccount int // at most so many watchers

	mu       sync.Mutex
	orders   map[string]map[*watcher]struct{}
	accounts map[string]int
	count    int
}

// watcher is one open stream. Lost is closed when the watcher was too slow and is no longer told anything.
type watcher struct {
	order, account string
	changes        chan event.OrderStatus
	lost           chan struct{}
}

func newHub(total, perOrder, perAccount int) *hub {
	return &hub{total: total, perOrder: perOrder, perAccount: perAccount,
		orders: map[string]map[*watcher]struct{}{}, accounts: map[string]int{}}
}

// join begins to watch an order. Limited or Unavailable when there are too many watchers.
func (h *hub) addWatcher(order, account string) (*watcher, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.count >= h.total:
		return nil, fault.Unavailable(errors.New("too many watchers in all"), "too many orders are being watched")
	case len(h.orders[order]) >= h.perOrder:
		return nil, fault.Limited(5*time.Second, "too many are watching this order")
	case h.accounts[account] >= h.perAccount:
		return nil, fault.Limited(5*time.Second, "you are watching too many orders")
	}
	w := &watcher{order, account, make(chan event.OrderStatus, watcherBuffer), make(chan struct{})}
	if h.orders[order] == nil {
		h.orders[order] = map[*watcher]struct{}{}
	}
	h.orders[order][w] = struct{}{}
	h.accounts[account]++
	h.count++
	return w, nil
}

// leave ends what join began.
func (h *hub) removeWatcher(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.removeLocked(w)
}

// watching is how many watchers there are.
func (h *hub) watcherCount() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count
}

func (h *hub) removeLocked(w *watcher) {
	if _, there := h.orders[w.order][w]; !there {
		return
	}
	delete(h.orders[w.order], w)
	if len(h.orders[w.order]) == 0 {
		delete(h.orders, w.order)
	}
	if h.accounts[w.account]--; h.accounts[w.account] == 0 {
		delete(h.accounts, w.account)
	}
	h.count--
}

// tell passes a change on. A watcher with no room for it is dropped: it comes back and resumes where it was.
func (h *hub) notifyWatchers(change event.OrderStatus) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.orders[change.OrderID] {
		select {
		case w.changes <- change:
		default:
			h.removeLocked(w)
			close(w.lost)
		}
	}
}

package main

import (
	"errors"
	"sync"
	"time"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

// watcherBuffer is the number of changes that a watcher may lag behind. An order passes through at most six statuses, so a
// watcher that lags further is stuck.
const watcherBuffer = 16

// hub passes status changes to the watchers of this replica. It never waits for a watcher.
type hub struct {
	total, perOrder, perAccount int // maximum numbers of watchers

	mu       sync.Mutex
	orders   map[string]map[*watcher]struct{}
	accounts map[string]int
	count    int
}

// watcher is one open stream. The hub closes lost when it drops a watcher that is too slow.
type watcher struct {
	order, account string
	changes        chan event.OrderStatus
	lost           chan struct{}
}

func newHub(total, perOrder, perAccount int) *hub {
	return &hub{total: total, perOrder: perOrder, perAccount: perAccount,
		orders: map[string]map[*watcher]struct{}{}, accounts: map[string]int{}}
}

// addWatcher adds a watcher of an order. Limited or Unavailable when there are too many watchers.
func (h *hub) addWatcher(order, account string) (*watcher, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.count >= h.total:
		return nil, fault.Unavailable(errors.New("TRACKING_MAX_WATCHERS is reached"), "too many clients are watching orders")
	case len(h.orders[order]) >= h.perOrder:
		return nil, fault.Limited(5*time.Second, "too many clients are watching this order")
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

// removeWatcher removes a watcher. Removing it twice is harmless.
func (h *hub) removeWatcher(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.removeLocked(w)
}

// watcherCount returns the number of watchers.
func (h *hub) watcherCount() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.count
}

// removeLocked removes a watcher; the caller holds h.mu.
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

// notifyWatchers passes a change to the order's watchers. It drops a watcher whose buffer is full; that client reconnects and
// resumes where it stopped.
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

package main

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

// watcherBuffer is the number of changes that may wait for a watcher. An order passes through at most six statuses, so a
// watcher for which more wait is stuck.
const watcherBuffer = 16

// watcherRetry is the pause after which a refused client retries.
const watcherRetry = 5 * time.Second

// hub passes status changes to the watchers of this replica. It never waits for a watcher.
type hub struct {
	limits  watcherLimits
	refused *prometheus.CounterVec // by limit; nil when refusals are not counted

	mu        sync.Mutex
	orders    map[string]map[*watcher]struct{} // the watchers of each order
	perOrder  map[string]int                   // how many watchers of an order are admitted (admitWatcher)
	accounts  map[string]int                   // how many watchers an account has
	addresses map[string]int                   // how many watchers an address has
	count     int                              // of all watchers
}

// watcherLimits are the maximum numbers of watchers.
type watcherLimits struct {
	total, order, account, staff, address int // in all, of one order, of one account, of one account of the staff, from one address
}

// viewer is the client of a stream.
type viewer struct {
	account, address string
	staff            bool
}

// watcher is one open stream. The hub closes lost when it drops a watcher that is too slow.
type watcher struct {
	viewer
	order    string
	admitted bool // it has one of the order's places
	changes  chan event.OrderStatus
	versions chan int // the order's version, as the service order reports it
	lost     chan struct{}
}

func newHub(limits watcherLimits) *hub {
	return &hub{limits: limits, orders: map[string]map[*watcher]struct{}{}, perOrder: map[string]int{},
		accounts: map[string]int{}, addresses: map[string]int{}}
}

// addWatcher adds a watcher of an order. It receives the order's changes from now on, but takes none of the order's places before
// admitWatcher: a client that may not see the order must not be able to take them. It returns Limited or Shed when there are too many
// watchers.
func (h *hub) addWatcher(order string, by viewer) (*watcher, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	own := h.limits.account
	if by.staff {
		own = h.limits.staff
	}
	switch {
	case h.accounts[by.account] >= own:
		return nil, h.refuse("account", fault.Limited(watcherRetry, "you are watching too many orders: at most %d at once", own))
	case h.addresses[by.address] >= h.limits.address:
		return nil, h.refuse("address", fault.Limited(watcherRetry, "too many orders are being watched from your address"))
	case h.count >= h.limits.total:
		return nil, h.refuse("total", fault.Shed(watcherRetry, "too many clients are watching orders"))
	}
	w := &watcher{viewer: by, order: order, changes: make(chan event.OrderStatus, watcherBuffer), versions: make(chan int, 1), lost: make(chan struct{})}
	if h.orders[order] == nil {
		h.orders[order] = map[*watcher]struct{}{}
	}
	h.orders[order][w] = struct{}{}
	h.accounts[by.account]++
	h.addresses[by.address]++
	h.count++
	return w, nil
}

// admitWatcher gives w one of its order's places. Call it after the service order has let w's client see the order. It returns Limited when
// no place is free.
func (h *hub) admitWatcher(w *watcher) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.perOrder[w.order] >= h.limits.order {
		return h.refuse("order", fault.Limited(watcherRetry, "too many clients are watching this order"))
	}
	if _, exists := h.orders[w.order][w]; exists { // not dropped in the meantime
		w.admitted = true
		h.perOrder[w.order]++
	}
	return nil
}

// refuse counts a refusal because of limit and returns err.
func (h *hub) refuse(limit string, err error) error {
	if h.refused != nil {
		h.refused.WithLabelValues(limit).Inc()
	}
	return err
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
	if _, exists := h.orders[w.order][w]; !exists {
		return
	}
	delete(h.orders[w.order], w)
	if len(h.orders[w.order]) == 0 {
		delete(h.orders, w.order)
	}
	if w.admitted {
		decrement(h.perOrder, w.order)
	}
	decrement(h.accounts, w.account)
	decrement(h.addresses, w.address)
	h.count--
}

func decrement(counts map[string]int, key string) {
	if counts[key]--; counts[key] == 0 {
		delete(counts, key)
	}
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

// watchedOrders returns the orders that have watchers.
func (h *hub) watchedOrders() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.orders))
}

// notifyVersion tells the order's watchers which version the order has. It skips a watcher that has not read the previous version yet:
// checkVersions calls it again soon.
func (h *hub) notifyVersion(order string, version int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.orders[order] {
		select {
		case w.versions <- version:
		default:
		}
	}
}

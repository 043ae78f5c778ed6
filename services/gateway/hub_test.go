package main

import (
	"fmt"
	"sync"
	"testing"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

func TestHubDropsSlowWatchersWithoutBlocking(t *testing.T) {
	h := newHub(watcherLimits{9, 9, 9, 9, 9})
	slow, _ := h.addWatcher(orderID, viewer{account: account})
	quick, _ := h.addWatcher(orderID, viewer{account: account})
	for v := range watcherBuffer + 1 {
		h.notifyWatchers(event.OrderStatus{OrderID: orderID, Version: v})
		<-quick.changes
	}
	select {
	case <-slow.lost:
	default:
		t.Error("the slow watcher was not dropped")
	}
	select {
	case <-quick.lost:
		t.Error("the quick watcher was dropped")
	default:
	}
	h.removeWatcher(slow) // removing it twice is harmless
	h.removeWatcher(quick)
	if h.count != 0 || len(h.accounts)+len(h.addresses)+len(h.orders)+len(h.perOrder) != 0 {
		t.Errorf("got hub %+v, want it empty", h)
	}
}

func TestHubLimitsWatchers(t *testing.T) {
	h := newHub(watcherLimits{total: 6, order: 2, account: 2, staff: 3, address: 4})
	for _, tc := range []struct {
		order, account, address string
		staff                   bool
		want                    fault.Kind
		limit                   string
	}{
		{"a", "1", "x", false, 0, ""},
		{"a", "1", "x", false, 0, ""},
		{"b", "1", "y", false, fault.KindLimited, "you are watching too many orders: at most 2 at once"},
		{"a", "2", "x", false, fault.KindLimited, "too many clients are watching this order"},
		{"b", "3", "x", true, 0, ""},
		{"b", "3", "x", true, 0, ""},
		{"c", "4", "x", false, fault.KindLimited, "too many orders are being watched from your address"},
		{"c", "3", "y", true, 0, ""},
		{"d", "3", "y", true, fault.KindLimited, "you are watching too many orders: at most 3 at once"},
		{"c", "4", "y", false, 0, ""},
		{"d", "5", "y", false, fault.KindUnavailable, "too many clients are watching orders"},
	} {
		w, err := h.addWatcher(tc.order, viewer{tc.account, tc.address, tc.staff})
		if err == nil {
			if err = h.admitWatcher(w); err != nil {
				h.removeWatcher(w)
			}
		}
		if tc.want == 0 && err != nil || tc.want != 0 && (!fault.Is(err, tc.want) || fault.From(err).Message != tc.limit) {
			t.Errorf("%+v: got %v", tc, err)
		}
	}
}

// Streams whose clients may not see the order must not keep out its owner.
func TestStrangersTakeNoPlaceOfAnOrder(t *testing.T) {
	h := newHub(watcherLimits{9, 1, 9, 9, 9})
	stranger, err := h.addWatcher(orderID, viewer{account: "stranger"})
	if err != nil {
		t.Fatal(err)
	}
	owner, err := h.addWatcher(orderID, viewer{account: account})
	if err != nil || h.admitWatcher(owner) != nil {
		t.Fatalf("got %v, want the owner admitted while a stranger is being checked", err)
	}
	h.removeWatcher(stranger)
	h.removeWatcher(owner)
	if h.count != 0 || len(h.perOrder) != 0 {
		t.Errorf("got hub %+v, want it empty", h)
	}
}

func TestHubServesConcurrentWatchers(t *testing.T) {
	h := newHub(watcherLimits{1000, 1000, 1000, 1000, 1000})
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			w, err := h.addWatcher(fmt.Sprint(i%5), viewer{account: account})
			if err != nil {
				t.Error(err)
				return
			}
			h.notifyWatchers(event.OrderStatus{OrderID: w.order, Version: 1})
			<-w.changes
			h.removeWatcher(w)
		})
	}
	all.Wait()
	if h.count != 0 {
		t.Errorf("got %d watchers, want 0", h.count)
	}
}

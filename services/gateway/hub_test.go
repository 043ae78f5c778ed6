package main

import (
	"fmt"
	"sync"
	"testing"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

func TestHubDropsSlowWatchersWithoutBlocking(t *testing.T) {
	h := newHub(9, 9, 9)
	slow, _ := h.addWatcher(orderID, account)
	quick, _ := h.addWatcher(orderID, account)
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
	if h.count != 0 || len(h.accounts) != 0 || len(h.orders) != 0 {
		t.Errorf("got hub %+v, want it empty", h)
	}
}

func TestHubLimitsWatchers(t *testing.T) {
	h := newHub(4, 2, 3)
	join := func(order, account string, want fault.Kind) {
		t.Helper()
		_, err := h.addWatcher(order, account)
		if want == fault.KindInternal && err != nil || want != fault.KindInternal && !fault.Is(err, want) {
			t.Errorf("order %s, account %s: got %v, want kind %v", order, account, err, want)
		}
	}
	join("a", "1", fault.KindInternal)
	join("a", "1", fault.KindInternal)
	join("a", "2", fault.KindLimited) // the order has two
	join("b", "1", fault.KindInternal)
	join("c", "1", fault.KindLimited) // the account has three
	join("c", "2", fault.KindInternal)
	join("d", "3", fault.KindUnavailable) // there are four
}

func TestHubServesConcurrentWatchers(t *testing.T) {
	h := newHub(1000, 1000, 1000)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			w, err := h.addWatcher(fmt.Sprint(i%5), account)
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

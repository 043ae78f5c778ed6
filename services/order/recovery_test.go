package main

import (
	"context"
	"testing"
	"time"

	"comanda/services/event"
	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
)

// countEvents counts the events on order's two topics.
func (h *harness) countEvents(t *testing.T) (placed, changed int) {
	t.Helper()
	return len(servicetest.Events(t, h.sidecar, "orders", event.OrderCreatedPending)),
		len(servicetest.Events(t, h.sidecar, "orders", event.OrderStatusChanged))
}

// later moves the service's clock and the database's clock on.
func (h *harness) later(t *testing.T, d time.Duration) {
	t.Helper()
	h.clock.Advance(d)
	servicetest.Age(t, h.pool, d)
}

func TestPendingOrdersAreAnnouncedAgain(t *testing.T) {
	h := newHarness(t)
	pending, confirmed := h.placeOrder(t, ana), h.placeOrder(t, ana)
	h.deliverReserved(t, confirmed)
	for _, step := range []struct {
		later  time.Duration
		placed int // events so far, including the first 2
	}{{29 * time.Second, 2}, {9 * time.Second, 3}, {0, 3}, {59 * time.Second, 3}, {16 * time.Second, 4}, {119 * time.Second, 4},
		{31 * time.Second, 5}} { // the interval doubles, and is up to a quarter longer
		h.later(t, step.later)
		if err := h.service.recoverOrders(t.Context()); err != nil {
			t.Fatal(err)
		}
		if placed, changed := h.countEvents(t); placed != step.placed || changed != 1 {
			t.Fatalf("at %s: got %d created and %d changed events, want %d and 1", h.clock.Now(), placed, changed, step.placed)
		}
	}
	again := servicetest.Events(t, h.sidecar, "orders", event.OrderCreatedPending)[3]
	if again.OrderID != pending || again.Version != 1 || len(again.Items) != 2 {
		t.Errorf("got %+v, want version 1 of %s with 2 lines", again, pending)
	}
	if got := h.Request(t, ana, "GET", "/orders/"+pending, ""); got.Members["version"] != 1.0 ||
		got.Text("updatedAt") != got.Text("createdAt") {
		t.Errorf("got %s, want the order unchanged", got.Body)
	}
	if status := h.deliverReserved(t, pending); status != "SUCCESS" {
		t.Errorf("late outcome: got %s, want SUCCESS", status)
	}
}

func TestOrdersWithoutAnOutcomeAreCancelled(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	h.later(t, 15*time.Minute)
	for range 2 {
		if err := h.service.recoverOrders(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := h.Request(t, ana, "GET", "/orders/"+id, "")
	if got.Text("status") != "CANCELLED" || got.Text("reason") != "timed_out" || got.Members["version"] != 2.0 {
		t.Errorf("got %s, want CANCELLED, timed_out, version 2", got.Body)
	}
	changes := servicetest.Events(t, h.sidecar, "orders", event.OrderStatusChanged)
	if len(changes) != 1 || changes[0].Status != "CANCELLED" || changes[0].Reason != "timed_out" {
		t.Errorf("got %+v, want one CANCELLED event", changes)
	}
	if status := h.deliverReserved(t, id); status != "SUCCESS" {
		t.Errorf("outcome after the cancellation: got %s, want SUCCESS", status)
	}
	if got := h.Request(t, ana, "GET", "/orders/"+id, ""); got.Text("status") != "CANCELLED" {
		t.Errorf("got %s, want CANCELLED", got.Body)
	}
}

// TestOutcomeDuringTheRecoveryWins checks that the recovery reads an order again before it writes.
func TestOutcomeDuringTheRecoveryWins(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	h.later(t, 15*time.Minute)
	h.sidecar.BeforeNextWrite(func() { h.deliverReserved(t, id) })
	if err := h.service.recoverOrders(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.Request(t, ana, "GET", "/orders/"+id, ""); got.Text("status") != "CONFIRMED" {
		t.Errorf("got %s, want CONFIRMED", got.Body)
	}
}

// A round has a budget, so that the recovery does not add its own load to an overload. The next round continues.
func TestRecoveryKeepsItsBudget(t *testing.T) {
	h := newHarness(t)
	for range recovery.Budget + 20 {
		h.placeOrder(t, ana)
	}
	h.later(t, 2*time.Minute)
	for _, want := range []int{2*recovery.Budget + 20, 2*recovery.Budget + 40, 2*recovery.Budget + 40} {
		if err := h.service.recoverOrders(t.Context()); err != nil {
			t.Fatal(err)
		}
		if placed, _ := h.countEvents(t); placed != want {
			t.Fatalf("got %d created events, want %d", placed, want)
		}
	}
}

// The recovery reads further pages if the first page cannot be handled.
func TestRecoveryReadsEveryPage(t *testing.T) {
	h := newHarness(t)
	for range recovery.PageSize + 1 {
		h.corruptOrder(t, h.placeOrder(t, ana))
	}
	h.clock.Advance(time.Millisecond)
	h.placeOrder(t, ana)
	h.later(t, time.Minute)
	if err := h.service.recoverOrders(t.Context()); err == nil {
		t.Error("corrupt orders: got no error, want one")
	}
	if placed, _ := h.countEvents(t); placed != recovery.PageSize+3 {
		t.Errorf("got %d created events, want %d", placed, recovery.PageSize+3)
	}
}

// An order whose own event still waits in the outbox is not announced again, and neither is any order while many events wait.
func TestNoOrderIsAnnouncedAgainWhileItsEventWaits(t *testing.T) {
	h := newHarness(t)
	waiting, lost := h.placeOrder(t, ana), h.placeOrder(t, ana)
	const row = `insert into state (key, value) select 'outbox-due||pubsub||order.created.pending||' || gen_random_uuid(),
		convert_to(jsonb_build_object('subject', $1::text, 'event', '{}'::jsonb)::text, 'UTF8') from generate_series(1, $2)`
	if _, err := h.pool.Exec(t.Context(), row, waiting, 1); err != nil {
		t.Fatal(err)
	}
	recoverOrders := func(want int) {
		t.Helper()
		h.later(t, 2*time.Minute)
		if err := h.service.recoverOrders(t.Context()); err != nil {
			t.Fatal(err)
		}
		if events := servicetest.Events(t, h.sidecar, "orders", event.OrderCreatedPending); len(events) != want || events[want-1].OrderID != lost {
			t.Fatalf("got %+v, want %d events, the last for %s", events, want, lost)
		}
	}
	recoverOrders(3)
	if _, err := h.pool.Exec(t.Context(), row, someOrder, 1000); err != nil {
		t.Fatal(err)
	}
	recoverOrders(3)
	h.later(t, 15*time.Minute) // the deadline holds all the same
	if err := h.service.recoverOrders(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, changed := h.countEvents(t); changed != 2 {
		t.Errorf("got %d changes, want both orders given up", changed)
	}
}

// Only the database's clock decides when an order is given up, not the clock of a replica.
func TestDatabaseClockDecides(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	h.clock.Advance(time.Hour) // the clock of this replica is wrong
	if err := h.service.recoverOrders(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.Request(t, ana, "GET", "/orders/"+id, ""); got.Text("status") != "PENDING" {
		t.Errorf("got %s, want the order PENDING", got.Body)
	}
}

func TestRecoveryContinuesAfterFailures(t *testing.T) {
	h := newHarness(t)
	broken := h.placeOrder(t, ana)
	for range 2*recovery.MaxFailures - 1 {
		h.placeOrder(t, ana)
	}
	h.later(t, time.Minute)
	h.corruptOrder(t, broken) // an unreadable order does not hold up the others
	if err := h.service.recoverOrders(t.Context()); err == nil {
		t.Error("corrupt order: got no error, want one")
	}
	if placed, _ := h.countEvents(t); placed != 4*recovery.MaxFailures-1 {
		t.Errorf("got %d created events, want %d", placed, 4*recovery.MaxFailures-1)
	}
	h.later(t, 2*time.Minute)
	h.sidecar.Away(true)
	ended := servicetest.EndedSpans(t)
	if err := h.service.recoverOrders(t.Context()); err == nil {
		t.Error("sidecar unavailable: got no error, want one")
	}
	if all, failed := ended("recover order"); all == 0 || failed != all {
		t.Errorf("got %d spans, %d of them failed, want all failed", all, failed)
	}
	h.sidecar.Away(false)
	if err := h.service.recoverOrders(t.Context()); err == nil {
		t.Error("corrupt order: got no error, want one")
	}
	if placed, _ := h.countEvents(t); placed != 6*recovery.MaxFailures-2 {
		t.Errorf("got %d created events, want %d", placed, 6*recovery.MaxFailures-2)
	}
}

// TestScatteredFailuresDoNotEndTheRound checks that only MaxFailures consecutive failures end a round.
func TestScatteredFailuresDoNotEndTheRound(t *testing.T) {
	h := newHarness(t)
	for range recovery.MaxFailures + 1 {
		h.corruptOrder(t, h.placeOrder(t, ana))
		h.clock.Advance(time.Millisecond)
		h.placeOrder(t, ana)
		h.clock.Advance(time.Millisecond)
	}
	h.later(t, time.Minute)
	if err := h.service.recoverOrders(t.Context()); err == nil {
		t.Error("corrupt orders: got no error, want one")
	}
	if placed, _ := h.countEvents(t); placed != 3*(recovery.MaxFailures+1) {
		t.Errorf("got %d created events, want %d", placed, 3*(recovery.MaxFailures+1))
	}
}

// corruptOrder makes an order's document unreadable.
func (h *harness) corruptOrder(t *testing.T, id string) {
	t.Helper()
	const version = `"version":1`
	_, err := h.pool.Exec(t.Context(),
		`update state set value = convert_to(replace(convert_from(value, 'UTF8'), $2, '"version":"?"'), 'UTF8')
		where key = 'order-' || $1`, id, version)
	if err != nil {
		t.Fatal(err)
	}
}

func TestRecoveryRunsUntilItsContextIsDone(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	h.service.recovery.Every = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() { h.service.runRecovery(ctx); close(stopped) }()
	responses := make(chan servicetest.Response, 1)
	go func() { responses <- h.Request(t, ana, "GET", "/orders/"+id, "", "Prefer", "wait=30") }()
	h.later(t, 15*time.Minute)
	if got := <-responses; got.Text("status") != "CANCELLED" {
		t.Errorf("got %s, want CANCELLED", got.Body)
	}
	cancel()
	<-stopped
}

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
func (h *harness) countEvents() (placed, changed int) {
	h.t.Helper()
	return len(servicetest.Events(h.t, h.sidecar, "orders", event.OrderCreatedPending)),
		len(servicetest.Events(h.t, h.sidecar, "orders", event.OrderStatusChanged))
}

func TestPendingOrdersAreAnnouncedAgain(t *testing.T) {
	h := newHarness(t)
	pending, confirmed := h.placeOrder(ana), h.placeOrder(ana)
	h.deliverReserved(confirmed)
	for _, step := range []struct {
		later  time.Duration
		placed int // events so far, including the first 2
	}{{29 * time.Second, 2}, {time.Second, 3}, {0, 3}, {29 * time.Second, 3}, {time.Second, 4}} {
		h.advanceClock(step.later)
		if err := h.service.recoverOrders(t.Context()); err != nil {
			t.Fatal(err)
		}
		if placed, changed := h.countEvents(); placed != step.placed || changed != 1 {
			t.Fatalf("at %s: got %d created and %d changed events, want %d and 1", h.now(), placed, changed, step.placed)
		}
	}
	again := servicetest.Events(t, h.sidecar, "orders", event.OrderCreatedPending)[3]
	if again.OrderID != pending || again.Version != 1 || len(again.Items) != 2 {
		t.Errorf("got %+v, want version 1 of %s with 2 lines", again, pending)
	}
	if got := h.request(ana, "GET", "/orders/"+pending, ""); got.body["version"] != 1.0 || got.text("updatedAt") != got.text("createdAt") {
		t.Errorf("got %s, want the order unchanged", got.Body)
	}
	if status := h.deliverReserved(pending); status != "SUCCESS" {
		t.Errorf("late outcome: got %s, want SUCCESS", status)
	}
}

func TestOrdersWithoutAnOutcomeAreCancelled(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(ana)
	h.advanceClock(15 * time.Minute)
	for range 2 {
		if err := h.service.recoverOrders(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := h.request(ana, "GET", "/orders/"+id, "")
	if got.text("status") != "CANCELLED" || got.text("reason") != "timed_out" || got.body["version"] != 2.0 {
		t.Errorf("got %s, want CANCELLED, timed_out, version 2", got.Body)
	}
	changes := servicetest.Events(t, h.sidecar, "orders", event.OrderStatusChanged)
	if len(changes) != 1 || changes[0].Status != "CANCELLED" || changes[0].Reason != "timed_out" {
		t.Errorf("got %+v, want one CANCELLED event", changes)
	}
	if status := h.deliverReserved(id); status != "SUCCESS" {
		t.Errorf("outcome after the cancellation: got %s, want SUCCESS", status)
	}
	if got := h.request(ana, "GET", "/orders/"+id, ""); got.text("status") != "CANCELLED" {
		t.Errorf("got %s, want CANCELLED", got.Body)
	}
}

// TestOutcomeDuringTheRecoveryWins checks that the recovery reads an order again before it writes.
func TestOutcomeDuringTheRecoveryWins(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(ana)
	h.advanceClock(15 * time.Minute)
	h.sidecar.BeforeNextWrite(func() { h.deliverReserved(id) })
	if err := h.service.recoverOrders(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.request(ana, "GET", "/orders/"+id, ""); got.text("status") != "CONFIRMED" {
		t.Errorf("got %s, want CONFIRMED", got.Body)
	}
}

func TestRecoveryReadsEveryPage(t *testing.T) {
	h := newHarness(t)
	for range recovery.PageSize + 20 { // more than a page, all with the same time
		h.placeOrder(ana)
	}
	h.advanceClock(time.Minute)
	if err := h.service.recoverOrders(t.Context()); err != nil {
		t.Fatal(err)
	}
	if placed, _ := h.countEvents(); placed != 2*(recovery.PageSize+20) {
		t.Errorf("got %d created events, want %d", placed, 2*(recovery.PageSize+20))
	}
}

func TestRecoveryContinuesAfterFailures(t *testing.T) {
	h := newHarness(t)
	broken := h.placeOrder(ana)
	for range 2*recovery.MaxFailures - 1 {
		h.placeOrder(ana)
	}
	h.advanceClock(time.Minute)
	h.corruptOrder(broken) // an unreadable order does not hold up the others
	if err := h.service.recoverOrders(t.Context()); err == nil {
		t.Error("corrupt order: got no error, want one")
	}
	if placed, _ := h.countEvents(); placed != 4*recovery.MaxFailures-1 {
		t.Errorf("got %d created events, want %d", placed, 4*recovery.MaxFailures-1)
	}
	h.advanceClock(time.Minute)
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
	if placed, _ := h.countEvents(); placed != 6*recovery.MaxFailures-2 {
		t.Errorf("got %d created events, want %d", placed, 6*recovery.MaxFailures-2)
	}
}

// TestScatteredFailuresDoNotEndTheRound checks that only MaxFailures consecutive failures end a round.
func TestScatteredFailuresDoNotEndTheRound(t *testing.T) {
	h := newHarness(t)
	for range recovery.MaxFailures + 1 {
		h.corruptOrder(h.placeOrder(ana))
		h.advanceClock(time.Millisecond)
		h.placeOrder(ana)
		h.advanceClock(time.Millisecond)
	}
	h.advanceClock(time.Minute)
	if err := h.service.recoverOrders(t.Context()); err == nil {
		t.Error("corrupt orders: got no error, want one")
	}
	if placed, _ := h.countEvents(); placed != 3*(recovery.MaxFailures+1) {
		t.Errorf("got %d created events, want %d", placed, 3*(recovery.MaxFailures+1))
	}
}

// corruptOrder makes an order's document unreadable.
func (h *harness) corruptOrder(id string) {
	h.t.Helper()
	const version = `"version":1`
	_, err := h.pool.Exec(h.t.Context(), `update state set value = convert_to(replace(convert_from(value, 'UTF8'), $2, '"version":"?"'), 'UTF8')
		where key = 'order-' || $1`, id, version)
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestRecoveryRunsUntilItsContextIsDone(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(ana)
	h.service.recovery.Every = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	go func() { h.service.runRecovery(ctx); close(stopped) }()
	responses := make(chan reply, 1)
	go func() { responses <- h.requestIn(ctx, ana, "GET", "/orders/"+id, "", "Prefer", "wait=30") }()
	h.advanceClock(15 * time.Minute)
	if got := <-responses; got.text("status") != "CANCELLED" {
		t.Errorf("got %s, want CANCELLED", got.Body)
	}
	cancel()
	<-stopped
}

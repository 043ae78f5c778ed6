package main

import (
	"context"
	"testing"
	"time"

	"comanda/services/event"
	"comanda/services/internal/recovery"
	"comanda/services/internal/servicetest"
)

// counted says how often the two topics were announced on.
func (h *harness) countEvents() (asked, told int) {
	h.t.Helper()
	return len(servicetest.Events(h.t, h.sidecar, "orders", event.OrderCreatedPending)),
		len(servicetest.Events(h.t, h.sidecar, "orders", event.OrderStatusChanged))
}

func TestWaitingOrdersAreAnnouncedAgain(t *testing.T) {
	h := newHarness(t)
	waits, settled := h.placeOrder(ana), h.placeOrder(ana)
	h.deliverReserved(settled)
	for _, step := range []struct {
		later time.Duration
		asked int // so far, the two placings included
	}{{29 * time.Second, 2}, {time.Second, 3}, {0, 3}, {29 * time.Second, 3}, {time.Second, 4}} {
		h.advanceClock(step.later)
		if err := h.service.recoverOrders(t.Context()); err != nil {
			t.Fatal(err)
		}
		if asked, told := h.countEvents(); asked != step.asked || told != 1 {
			t.Fatalf("at %s: asked %d times, told %d times, want %d and 1", h.now(), asked, told, step.asked)
		}
	}
	again := servicetest.Events(t, h.sidecar, "orders", event.OrderCreatedPending)[3]
	if again.OrderID != waits || again.Version != 1 || len(again.Items) != 2 {
		t.Errorf("announced %+v", again)
	}
	if got := h.request(ana, "GET", "/orders/"+waits, ""); got.body["version"] != 1.0 || got.text("updatedAt") != got.text("createdAt") {
		t.Errorf("asking again changed the order: %s", got.Body)
	}
	if fate := h.deliverReserved(waits); fate != "SUCCESS" {
		t.Errorf("the late answer: %s", fate)
	}
}

func TestWhatIsNeverAnsweredIsCancelled(t *testing.T) {
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
		t.Errorf("answers %s", got.Body)
	}
	told := servicetest.Events(t, h.sidecar, "orders", event.OrderStatusChanged)
	if len(told) != 1 || told[0].Status != "CANCELLED" || told[0].Reason != "timed_out" {
		t.Errorf("announced %+v", told)
	}
	if fate := h.deliverReserved(id); fate != "SUCCESS" {
		t.Errorf("the answer that is far too late: %s", fate)
	}
	if got := h.request(ana, "GET", "/orders/"+id, ""); got.text("status") != "CANCELLED" {
		t.Errorf("it lives again: %s", got.Body)
	}
}

// TestAnswersThatComeDuringTheRecoveryCount: the recovery looks at an order again before it writes.
func TestAnswersThatComeDuringTheRecoveryCount(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(ana)
	h.advanceClock(15 * time.Minute)
	h.sidecar.BeforeNextWrite(func() { h.deliverReserved(id) })
	if err := h.service.recoverOrders(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.request(ana, "GET", "/orders/"+id, ""); got.text("status") != "CONFIRMED" {
		t.Errorf("answers %s", got.Body)
	}
}

func TestManyWait(t *testing.T) {
	h := newHarness(t)
	for range recovery.PageSize + 20 { // more than a page, many of the same moment
		h.placeOrder(ana)
	}
	h.advanceClock(time.Minute)
	if err := h.service.recoverOrders(t.Context()); err != nil {
		t.Fatal(err)
	}
	if asked, _ := h.countEvents(); asked != 2*(recovery.PageSize+20) {
		t.Errorf("asked %d times", asked)
	}
}

func TestTheRecoveryOutlivesFailures(t *testing.T) {
	h := newHarness(t)
	broken := h.placeOrder(ana)
	for range 2*recovery.MaxFailures - 1 {
		h.placeOrder(ana)
	}
	h.advanceClock(time.Minute)
	h.corruptOrder(broken) // one that cannot be read keeps none of the others waiting
	if err := h.service.recoverOrders(t.Context()); err == nil {
		t.Error("the broken one is not told of")
	}
	if asked, _ := h.countEvents(); asked != 4*recovery.MaxFailures-1 {
		t.Errorf("asked %d times", asked)
	}
	h.advanceClock(time.Minute)
	h.sidecar.Away(true)
	ended := servicetest.EndedSpans(t)
	if err := h.service.recoverOrders(t.Context()); err == nil {
		t.Error("the sidecar's absence is not told of")
	}
	if all, failed := ended("recover order"); all == 0 || failed != all {
		t.Errorf("%d spans, %d say that they failed", all, failed)
	}
	h.sidecar.Away(false)
	if err := h.service.recoverOrders(t.Context()); err == nil {
		t.Error("the broken one is not told of")
	}
	if asked, _ := h.countEvents(); asked != 6*recovery.MaxFailures-2 {
		t.Errorf("asked %d times", asked)
	}
}

// TestScatteredFailuresEndNoRound: only failures in a row mean that something is away.
func TestScatteredFailuresEndNoRound(t *testing.T) {
	h := newHarness(t)
	for range recovery.MaxFailures + 1 {
		h.corruptOrder(h.placeOrder(ana))
		h.advanceClock(time.Millisecond)
		h.placeOrder(ana)
		h.advanceClock(time.Millisecond)
	}
	h.advanceClock(time.Minute)
	if err := h.service.recoverOrders(t.Context()); err == nil {
		t.Error("the broken ones are not told of")
	}
	if asked, _ := h.countEvents(); asked != 3*(recovery.MaxFailures+1) {
		t.Errorf("asked %d times", asked)
	}
}

// spoil makes an order's document one that cannot be read.
func (h *harness) corruptOrder(id string) {
	h.t.Helper()
	const version = `"version":1`
	_, err := h.pool.Exec(h.t.Context(), `update state set value = convert_to(replace(convert_from(value, 'UTF8'), $2, '"version":"?"'), 'UTF8')
		where key = 'order-' || $1`, id, version)
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestRunRecoversUntilItsEnd(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(ana)
	h.service.recovery.Every = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { h.service.runRecovery(ctx); close(ended) }()
	answered := make(chan reply, 1)
	go func() { answered <- h.requestIn(ctx, ana, "GET", "/orders/"+id, "", "Prefer", "wait=30") }()
	h.advanceClock(15 * time.Minute)
	if got := <-answered; got.text("status") != "CANCELLED" {
		t.Errorf("answers %s", got.Body)
	}
	cancel()
	<-ended
}

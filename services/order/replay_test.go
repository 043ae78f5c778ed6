package main

import (
	"testing"

	"comanda/services/event"
	"comanda/services/internal/consumer"
	"comanda/services/internal/servicetest"
)

// A dead letter may be replayed long after later events of its order were handled. It changes nothing then, and announces nothing.
func TestReplayOfAnOldEventIsHarmless(t *testing.T) {
	h := newHarness(t)
	table := consumer.Table{Keys: servicetest.EventKeys, Routes: h.service.subscriptions()}
	reserved := func(id string) []byte {
		return servicetest.Record(t, "product", event.InventoryStockReserved, id, reservedOutcome(id))
	}
	failed := func(id string) []byte {
		return servicetest.Record(t, "product", event.InventoryStockFailed, id, failedOutcome(id))
	}
	cancelled, refused, delivered := h.placeOrder(t, ana), h.placeOrder(t, ana), h.placeOrder(t, ana)
	h.Request(t, ana, "POST", "/orders/"+cancelled+"/cancel", "")
	h.deliverFailed(t, refused)
	h.deliverReserved(t, delivered)
	for _, step := range []string{"PREPARING", "READY", "OUT_FOR_DELIVERY", "DELIVERED"} {
		h.Request(t, cook, "POST", "/orders/"+delivered+"/status", `{"status":"`+step+`"}`)
	}
	placed, changed := h.countEvents(t)
	for range 2 {
		for _, old := range []struct {
			topic  string
			record []byte
		}{
			{event.InventoryStockReserved.Name, reserved(cancelled)}, {event.InventoryStockFailed.Name, failed(cancelled)},
			{event.InventoryStockFailed.Name, failed(refused)}, {event.InventoryStockReserved.Name, reserved(delivered)},
		} {
			if err := table.Replay(t.Context(), old.topic, old.record); err != nil {
				t.Errorf("%s: %v", old.topic, err)
			}
		}
	}
	for id, want := range map[string]string{cancelled: "CANCELLED", refused: "REJECTED", delivered: "DELIVERED"} {
		if got := h.Request(t, ana, "GET", "/orders/"+id, "").Text("status"); got != want {
			t.Errorf("order %s: got %s, want %s", id, got, want)
		}
	}
	if nowPlaced, nowChanged := h.countEvents(t); nowPlaced != placed || nowChanged != changed {
		t.Errorf("got %d and %d events, want %d and %d as before", nowPlaced, nowChanged, placed, changed)
	}
	h.deliverErasure(t, ana.ID)
	for range 2 {
		if err := table.Replay(t.Context(), event.InventoryStockReserved.Name, reserved(delivered)); err != nil {
			t.Error(err)
		}
		if err := table.Replay(t.Context(), event.DeletingUser.Name,
			servicetest.Record(t, "auth", event.DeletingUser, ana.ID, event.UserToErase{UserID: ana.ID, Version: 3})); err != nil {
			t.Error(err)
		}
	}
	for _, id := range []string{cancelled, refused, delivered} {
		h.wantNoPerson(t, id)
	}
}

package main

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"comanda/services/event"
	"comanda/services/internal/timeline"
)

// Reservations that ended long ago are deleted, in batches, with their outcomes. Those that hold or have sold stock stay.
func TestOldReservationsAreDeleted(t *testing.T) {
	h := newHarness(t)
	soup := h.addProduct(t, "Soup", 10)
	orders := map[string]bool{} // by id: whether the reservation stays
	for _, end := range []event.Status{"", event.StatusCancelled, event.StatusDelivered} {
		id := uuid.NewString()
		wantResult(t, h.placeOrder(t, id, soup.ID, 1), "SUCCESS")
		if end != "" {
			wantResult(t, h.changeStatus(t, id, end), "SUCCESS")
		}
		orders[id] = end != event.StatusCancelled
	}
	failed, tombstone := uuid.NewString(), uuid.NewString()
	wantResult(t, h.placeOrder(t, failed, soup.ID, 100), "SUCCESS")
	wantResult(t, h.changeStatus(t, tombstone, event.StatusCancelled), "SUCCESS")
	orders[failed], orders[tombstone] = false, false
	wantResult(t, h.placeOrder(t, tombstone, soup.ID, 1), "SUCCESS") // too late, so it is counted
	counted := timeline.Repeats{Pool: h.pool}
	if repeats, err := counted.Of(t.Context(), tombstone); err != nil || len(repeats) != 1 {
		t.Fatalf("got %+v, %v, want one repeat", repeats, err)
	}
	if deleted, err := h.DeleteEnded(t.Context(), 90*24*time.Hour); err != nil || deleted != 0 {
		t.Errorf("got %d young reservations deleted, %v, want none", deleted, err)
	}
	if _, err := h.pool.Exec(t.Context(), `insert into reservations (order_id, state, decided_at, updated_at)
		select gen_random_uuid(), 'TOMBSTONE', now(), now() from generate_series(1, 1000)`); err != nil {
		t.Fatal(err)
	}
	if _, err := h.pool.Exec(t.Context(), `update reservations set updated_at = now() - interval '91 days'`); err != nil {
		t.Fatal(err)
	}
	if deleted, err := h.DeleteEnded(t.Context(), 90*24*time.Hour); err != nil || deleted != 1003 {
		t.Errorf("got %d deleted, %v, want 1003", deleted, err)
	}
	for id, stays := range orders {
		var reservations, lines, documents int
		if err := h.pool.QueryRow(t.Context(), `select (select count(*) from reservations where order_id = $1::uuid),
			(select count(*) from reservation_lines where order_id = $1::uuid), (select count(*) from state where key = 'reservation-' || $1)`, id).
			Scan(&reservations, &lines, &documents); err != nil {
			t.Fatal(err)
		}
		if want := map[bool]int{true: 1}[stays]; reservations != want || lines != want || documents != want {
			t.Errorf("got %d reservations, %d lines and %d documents, want %d of each", reservations, lines, documents, want)
		}
	}
	if repeats, err := counted.Of(t.Context(), tombstone); err != nil || len(repeats) != 0 {
		t.Errorf("got %+v, %v, want no repeats of a reservation that is deleted", repeats, err)
	}
	h.wantStock(t, soup.ID, Stock{8, 1, 1})
}

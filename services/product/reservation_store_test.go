package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/uuid"
)

// reserve calls Reserve and returns the reservation's state.
func (s store) reserve(t *testing.T, orderID string, lines ...Line) State {
	t.Helper()
	r, _, err := s.Reserve(t.Context(), Request{OrderID: orderID, Lines: lines}, Cause{})
	if err != nil {
		t.Fatal(err)
	}
	return r.State
}

func (s store) release(ctx context.Context, orderID string) error {
	_, _, err := s.Release(ctx, orderID, Cause{})
	return err
}

func (s store) sell(ctx context.Context, orderID string) error {
	_, _, err := s.Sell(ctx, orderID, Cause{})
	return err
}

// wantStock checks the stock of one product and the stock law.
func (s store) wantStock(t *testing.T, id string, want Stock) {
	t.Helper()
	if got := s.stockOf(t, id); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	wantStockLaw(t, s.pool)
}

func TestReserveTakesEveryLineOrNone(t *testing.T) {
	s := newStore(t)
	soup, pasta := s.addProduct(t, "Soup", 10), s.addProduct(t, "Pasta", 1)
	if got := s.reserve(t, uuid.NewString(), Line{soup.ID, 2}, Line{pasta.ID, 2}); got != Failed {
		t.Errorf("got %s, want FAILED", got)
	}
	s.wantStock(t, soup.ID, Stock{Available: 10})
	if got := s.reserve(t, uuid.NewString(), Line{soup.ID, 2}, Line{uuid.NewString(), 1}); got != Failed {
		t.Errorf("unknown product: got %s, want FAILED", got)
	}
	if got := s.reserve(t, uuid.NewString(), Line{soup.ID, 2}, Line{pasta.ID, 1}); got != Reserved {
		t.Errorf("got %s, want RESERVED", got)
	}
	s.wantStock(t, soup.ID, Stock{8, 2, 0})
	s.wantStock(t, pasta.ID, Stock{0, 1, 0})
}

func TestReserveReturnsTheRecordedOutcome(t *testing.T) {
	s := newStore(t)
	soup := s.addProduct(t, "Soup", 10)
	orderID := uuid.NewString()
	results := runConcurrently(8, func(int) Reservation {
		r, _, err := s.Reserve(context.Background(), Request{OrderID: orderID, Lines: []Line{{soup.ID, 4}}}, Cause{})
		if err != nil {
			t.Error(err)
		}
		return r
	})
	if _, err := s.ChangeProduct(t.Context(), soup.ID, Patch{PriceCents: ptr(int64(1)), Active: ptr(false)}); err != nil {
		t.Fatal(err)
	}
	later, repeated, err := s.Reserve(t.Context(), Request{OrderID: orderID, Lines: []Line{{soup.ID, 4}}}, Cause{})
	if err != nil || !repeated {
		t.Errorf("got repeated %v, %v, want true", repeated, err)
	}
	for _, result := range append(results, later) {
		if !reflect.DeepEqual(result, results[0]) || result.Outcome.Reserved.TotalCents != 4000 {
			t.Errorf("got %+v, want %+v", result, results[0])
		}
	}
	s.wantStock(t, soup.ID, Stock{6, 4, 0})

	tooMany := uuid.NewString()
	first, _, _ := s.Reserve(t.Context(), Request{OrderID: tooMany, Lines: []Line{{soup.ID, 7}}}, Cause{})
	if _, err := s.ChangeProduct(t.Context(), soup.ID, Patch{Active: ptr(true)}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.MoveStock(t.Context(), movement{uuid.NewString(), soup.ID, "staff", 50}); err != nil {
		t.Fatal(err)
	}
	if again, _, err := s.Reserve(t.Context(), Request{OrderID: tooMany, Lines: []Line{{soup.ID, 7}}}, Cause{}); err != nil ||
		!reflect.DeepEqual(again, first) || again.State != Failed {
		t.Errorf("repeated after a restock: got %+v, %v, want %+v", again, err, first)
	}
}

func TestReservationsNeverOversell(t *testing.T) {
	s := newStore(t)
	soup := s.addProduct(t, "Soup", 20)
	reserved := 0
	for _, state := range runConcurrently(60, func(int) State {
		r, _, err := s.Reserve(context.Background(), Request{OrderID: uuid.NewString(), Lines: []Line{{soup.ID, 3}}}, Cause{})
		if err != nil {
			t.Error(err)
		}
		return r.State
	}) {
		if state == Reserved {
			reserved++
		}
	}
	if reserved != 6 {
		t.Errorf("got %d reservations of 3 pieces from a stock of 20, want 6", reserved)
	}
	s.wantStock(t, soup.ID, Stock{2, 18, 0})
}

// TestConcurrentOrdersForTheSameDishesDoNotDeadlock reserves the same dishes in random order while orders are cancelled and
// delivered and the dishes are restocked and changed.
func TestConcurrentOrdersForTheSameDishesDoNotDeadlock(t *testing.T) {
	s := newStore(t)
	var menu []string
	for range 6 {
		menu = append(menu, s.addProduct(t, "Dish", 40).ID)
	}
	for _, err := range runConcurrently(40, func(i int) error {
		ctx, ids := context.Background(), append([]string{}, menu...)
		rand.Shuffle(len(ids), func(a, b int) { ids[a], ids[b] = ids[b], ids[a] })
		var lines []Line
		for _, id := range ids[:5] {
			lines = append(lines, Line{id, 2})
		}
		orderID := uuid.NewString()
		r, _, err := s.Reserve(ctx, Request{OrderID: orderID, Lines: lines}, Cause{})
		_, moveErr := s.MoveStock(ctx, movement{uuid.NewString(), ids[0], "staff", 1})
		_, changeErr := s.ChangeProduct(ctx, ids[1], Patch{PriceCents: ptr(int64(i))})
		switch {
		case i%3 == 0:
			err = errors.Join(err, s.release(ctx, orderID))
		case i%3 == 1 && r.State == Reserved:
			err = errors.Join(err, s.sell(ctx, orderID))
		}
		return errors.Join(err, moveErr, changeErr)
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	wantStockLaw(t, s.pool)
}

func TestCancellationReleasesStockOnce(t *testing.T) {
	s := newStore(t)
	soup := s.addProduct(t, "Soup", 10)
	orderID := uuid.NewString()
	s.reserve(t, orderID, Line{soup.ID, 4})
	for _, err := range runConcurrently(6, func(int) error { return s.release(context.Background(), orderID) }) {
		if err != nil {
			t.Error(err)
		}
	}
	if got := s.reserve(t, orderID, Line{soup.ID, 4}); got != Released {
		t.Errorf("order after its cancellation: got %s, want RELEASED", got)
	}
	if err := s.sell(t.Context(), orderID); !errors.Is(err, errContradiction) {
		t.Errorf("delivery after the cancellation: got %v, want errContradiction", err)
	}
	s.wantStock(t, soup.ID, Stock{Available: 10})
}

func TestCancellationBeforeTheOrderLeavesATombstone(t *testing.T) {
	s := newStore(t)
	soup := s.addProduct(t, "Soup", 10)
	orderID := uuid.NewString()
	for range 2 {
		if err := s.release(t.Context(), orderID); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.reserve(t, orderID, Line{soup.ID, 4}); got != Tombstone {
		t.Errorf("got %s, want TOMBSTONE", got)
	}
	s.wantStock(t, soup.ID, Stock{Available: 10})
}

func TestConcurrentOrderAndCancellationHoldNoStock(t *testing.T) {
	s := newStore(t)
	soup := s.addProduct(t, "Soup", 10)
	for range 20 {
		orderID := uuid.NewString()
		for _, err := range runConcurrently(4, func(i int) error {
			if i%2 == 0 {
				return s.release(context.Background(), orderID)
			}
			_, _, err := s.Reserve(context.Background(), Request{OrderID: orderID, Lines: []Line{{soup.ID, 4}}}, Cause{})
			return err
		}) {
			if err != nil {
				t.Error(err)
			}
		}
	}
	s.wantStock(t, soup.ID, Stock{Available: 10})
}

func TestDeliverySellsStockOnce(t *testing.T) {
	s := newStore(t)
	soup := s.addProduct(t, "Soup", 10)
	orderID := uuid.NewString()
	if err := s.sell(t.Context(), orderID); !errors.Is(err, errUnknownOrder) {
		t.Errorf("unknown order: got %v, want errUnknownOrder", err)
	}
	s.reserve(t, orderID, Line{soup.ID, 4})
	for _, err := range runConcurrently(6, func(int) error { return s.sell(context.Background(), orderID) }) {
		if err != nil {
			t.Error(err)
		}
	}
	if got := s.reserve(t, orderID, Line{soup.ID, 4}); got != Sold {
		t.Errorf("order after its delivery: got %s, want SOLD", got)
	}
	if err := s.release(t.Context(), orderID); !errors.Is(err, errContradiction) {
		t.Errorf("cancellation after the delivery: got %v, want errContradiction", err)
	}
	s.wantStock(t, soup.ID, Stock{6, 0, 4})
}

func TestFailedOrderHoldsNoStock(t *testing.T) {
	s := newStore(t)
	soup := s.addProduct(t, "Soup", 10)
	orderID := uuid.NewString()
	s.reserve(t, orderID, Line{soup.ID, 11})
	if err := s.release(t.Context(), orderID); err != nil {
		t.Error(err)
	}
	if got := s.reserve(t, orderID, Line{soup.ID, 11}); got != Failed {
		t.Errorf("got %s, want FAILED", got)
	}
	s.wantStock(t, soup.ID, Stock{Available: 10})
}

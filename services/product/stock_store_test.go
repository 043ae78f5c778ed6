package main

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"comanda/services/internal/fault"
)

func TestRepeatedMovementIsAppliedOnce(t *testing.T) {
	s := newStore(t)
	p := s.addProduct(t, "Soup", 3)
	m := movement{uuid.NewString(), p.ID, "staff", 4}
	for _, err := range runConcurrently(8, func(int) error {
		got, err := s.MoveStock(context.Background(), m)
		if err == nil && got.Available != 7 {
			t.Errorf("got %d available, want 7", got.Available)
		}
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	if _, err := s.MoveStock(t.Context(), movement{uuid.NewString(), p.ID, "staff", 1}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.MoveStock(t.Context(), m); err != nil || got.Available != 8 {
		t.Errorf("repeated after another movement: got %d available, %v, want 8, as it is now", got.Available, err)
	}
	if got := s.stockOf(t, p.ID); got.Available != 8 {
		t.Errorf("got %+v, want 8 available", got)
	}
	wantStockLaw(t, s.pool)
}

func TestKeyOfAnotherMovementIsRejected(t *testing.T) {
	s := newStore(t)
	soup, pasta := s.addProduct(t, "Soup", 3), s.addProduct(t, "Pasta", 3)
	key := uuid.NewString()
	if _, err := s.MoveStock(t.Context(), movement{key, soup.ID, "staff", 4}); err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]movement{
		"another delta":   {key, soup.ID, "staff", 5},
		"another product": {key, pasta.ID, "staff", 4},
	} {
		if _, err := s.MoveStock(t.Context(), other); !fault.Is(err, fault.KindInvalid) {
			t.Errorf("%s: got %v, want an invalid request", name, err)
		}
	}
	// of two concurrent movements with one key, one is applied and the other is rejected
	key, applied := uuid.NewString(), 0
	for _, err := range runConcurrently(2, func(i int) error {
		_, err := s.MoveStock(context.Background(), movement{key, []string{soup.ID, pasta.ID}[i], "staff", 4})
		return err
	}) {
		if err == nil {
			applied++
		} else if !fault.Is(err, fault.KindInvalid) {
			t.Error(err)
		}
	}
	if applied != 1 {
		t.Errorf("got %d applied movements, want 1", applied)
	}
	wantStockLaw(t, s.pool)
}

func TestConcurrentMovementsKeepStockAboveZero(t *testing.T) {
	s := newStore(t)
	p := s.addProduct(t, "Soup", 10)
	removals := 0
	for _, err := range runConcurrently(8, func(int) error {
		_, err := s.MoveStock(context.Background(), movement{uuid.NewString(), p.ID, "staff", -3})
		return err
	}) {
		if err == nil {
			removals++
		} else if !fault.Is(err, fault.KindConflict) {
			t.Error(err)
		}
	}
	if got := s.stockOf(t, p.ID); removals != 3 || got.Available != 1 {
		t.Errorf("got %d removals and stock %+v, want 3 removals and 1 available", removals, got)
	}
	_, err := s.MoveStock(t.Context(), movement{uuid.NewString(), uuid.NewString(), "staff", 1})
	if !fault.Is(err, fault.KindNotFound) {
		t.Errorf("unknown product: got %v, want not found", err)
	}
	wantStockLaw(t, s.pool)
}

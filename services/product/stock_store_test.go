package main

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"comanda/services/internal/fault"
)

func TestTheSameMovementHappensOnce(t *testing.T) {
	s := newStore(t)
	p := s.addProduct(t, "Soup", 3)
	in := movement{uuid.NewString(), p.ID, "staff", 4}
	for _, err := range runConcurrently(8, func(int) error {
		got, err := s.MoveStock(context.Background(), in)
		if err == nil && got.Available != 7 {
			t.Errorf("got %d", got.Available)
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
	if got, err := s.MoveStock(t.Context(), in); err != nil || got.Available != 7 {
		t.Errorf("again, later: got %d, %v, want what was answered first", got.Available, err)
	}
	if got := s.stockOf(t, p.ID); got.Available != 8 {
		t.Errorf("got %+v", got)
	}
	wantStockLaw(t, s.pool)
}

func TestAKeyIsForOneMovement(t *testing.T) {
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
			t.Errorf("%s: got %v", name, err)
		}
	}
	// two at once: one of them wins, the other is told
	key, won := uuid.NewString(), 0
	for _, err := range runConcurrently(2, func(i int) error {
		_, err := s.MoveStock(context.Background(), movement{key, []string{soup.ID, pasta.ID}[i], "staff", 4})
		return err
	}) {
		if err == nil {
			won++
		} else if !fault.Is(err, fault.KindInvalid) {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d won", won)
	}
	wantStockLaw(t, s.pool)
}

func TestStockDoesNotGoBelowZero(t *testing.T) {
	s := newStore(t)
	p := s.addProduct(t, "Soup", 10)
	out := 0
	for _, err := range runConcurrently(8, func(int) error {
		_, err := s.MoveStock(context.Background(), movement{uuid.NewString(), p.ID, "staff", -3})
		return err
	}) {
		if err == nil {
			out++
		} else if !fault.Is(err, fault.KindConflict) {
			t.Error(err)
		}
	}
	if got := s.stockOf(t, p.ID); out != 3 || got.Available != 1 {
		t.Errorf("%d went out, %+v is left", out, got)
	}
	if _, err := s.MoveStock(t.Context(), movement{uuid.NewString(), uuid.NewString(), "staff", 1}); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("of no product: got %v", err)
	}
	wantStockLaw(t, s.pool)
}

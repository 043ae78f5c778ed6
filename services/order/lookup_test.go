package main

import (
	"testing"

	"github.com/google/uuid"

	"comanda/services/event"
)

// Orders that are looked up in one statement have each its own result: erased customers, requests that came before, and limits.
func TestOrdersAreLookedUpTogether(t *testing.T) {
	h := newHarness(t)
	h.service.limits = Limits{Orders: 10, Units: 100}
	placed := h.placeOrder(t, ana)
	h.placeOrder(t, ana)
	other := h.placeOrder(t, ben)
	erased := uuid.NewString()
	if err := h.service.erasures.Create(t.Context(), erased, Erasure{CustomerID: erased}, event.NoMessage); err != nil {
		t.Fatal(err)
	}
	limits := Limits{Orders: 1}
	wanted := []Order{
		{ID: uuid.NewString(), CustomerID: ana.ID, Limits: limits},
		{ID: other, CustomerID: ben.ID, Limits: limits},
		{ID: uuid.NewString(), CustomerID: erased, Limits: limits},
		{ID: placed, CustomerID: ana.ID}, // without limits
		{ID: placed, CustomerID: ana.ID, Limits: limits},
		{ID: uuid.NewString(), CustomerID: ana.ID, Limits: limits}, // a second one of the same customer
	}
	found, err := h.service.lists.lookUpAll(t.Context(), wanted)
	if err != nil || len(found) != len(wanted) {
		t.Fatalf("got %d results, %v, want %d", len(found), err, len(wanted))
	}
	for i, want := range []struct {
		erased bool
		held   Held
		before string
	}{{false, Held{2, 6}, ""}, {false, Held{1, 3}, other}, {true, Held{}, ""}, {false, Held{}, placed}, {false, Held{2, 6}, placed}, {false, Held{2, 6}, ""}} {
		got, before := found[i], ""
		if got.Before != nil {
			before = got.Before.ID
		}
		if got.Erased != want.erased || got.Held != want.held || before != want.before {
			t.Errorf("order %d: got erased %v, held %+v, before %q, want %+v", i, got.Erased, got.Held, before, want)
		}
		alone, err := h.service.lists.LookUp(t.Context(), wanted[i])
		if err != nil || alone.Erased != got.Erased || alone.Held != got.Held || (alone.Before == nil) != (got.Before == nil) {
			t.Errorf("order %d alone: got %+v, %v, want %+v", i, alone, err, got)
		}
	}
}

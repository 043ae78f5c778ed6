package main

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"

	"comanda/services/event"
)

// claimsFor returns claims of new orders for n pieces each of a product.
func claimsFor(productID string, orders, n int) []claim {
	var claims []claim
	for range orders {
		claims = append(claims, claim{request: Request{OrderID: uuid.NewString(), Lines: []Line{{productID, n}}}})
	}
	return claims
}

func (s store) mustDecide(t *testing.T, claims ...claim) []decision {
	t.Helper()
	decided, err := s.decideAll(t.Context(), claims)
	if err != nil {
		t.Fatal(err)
	}
	return decided
}

// wantDecided checks the states of new decisions.
func wantDecided(t *testing.T, decided []decision, want ...State) {
	t.Helper()
	var got []State
	for _, d := range decided {
		got = append(got, d.reservation.State)
		if d.repeated {
			t.Errorf("order %s: got a repetition, want a new decision", d.reservation.OrderID)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Orders that are decided together compete for the last pieces, one after the other. Each has the outcome that it would have alone.
func TestOrdersDecidedTogetherCompeteForTheLastPieces(t *testing.T) {
	s := newStore(t)
	soup, pasta := s.addProduct(t, "Soup", 5), s.addProduct(t, "Pasta", 1)
	claims := claimsFor(soup.ID, 4, 2)
	claims[1].request.Lines = append(claims[1].request.Lines, Line{pasta.ID, 2}) // too many: it takes no soup either
	claims = append(claims, claimsFor(soup.ID, 1, 1)...)
	claims = append(claims, claimsFor(uuid.NewString(), 1, 1)...) // no such dish
	decided := s.mustDecide(t, claims...)
	wantDecided(t, decided, Reserved, Failed, Reserved, Failed, Reserved, Failed)
	short := event.Shortage{ProductID: soup.ID, Requested: 2, Available: 1}
	if got := decided[3].reservation.Outcome.Failed.Shortages; !slices.Equal(got, []event.Shortage{short}) {
		t.Errorf("got the shortages %+v, want the pieces that the orders before it have left: %+v", got, short)
	}
	s.wantStock(t, soup.ID, Stock{0, 5, 0})
	s.wantStock(t, pasta.ID, Stock{Available: 1})
	for i, again := range s.mustDecide(t, claims...) {
		if !again.repeated || !reflect.DeepEqual(again.reservation, decided[i].reservation) {
			t.Errorf("repeated: got %+v, want the recorded %+v", again, decided[i].reservation)
		}
	}
	s.wantStock(t, soup.ID, Stock{0, 5, 0})
}

// An order may be there twice, and others may be decided, sold or cancelled already: those change nothing.
func TestOrdersDecidedTogetherWithOlderOnes(t *testing.T) {
	s := newStore(t)
	soup := s.addProduct(t, "Soup", 20)
	claims := claimsFor(soup.ID, 5, 2)
	first, sold, released, tombstone := claims[0], claims[1], claims[2], claims[3]
	wantDecided(t, s.mustDecide(t, sold, released), Reserved, Reserved)
	if err := s.sell(t.Context(), sold.request.OrderID); err != nil {
		t.Fatal(err)
	}
	for _, c := range []claim{released, tombstone} {
		if err := s.release(t.Context(), c.request.OrderID); err != nil {
			t.Fatal(err)
		}
	}
	decided := s.mustDecide(t, first, sold, first, released, tombstone, claims[4])
	for i, want := range []struct {
		state    State
		repeated bool
	}{{Reserved, false}, {Sold, true}, {Reserved, true}, {Released, true}, {Tombstone, true}, {Reserved, false}} {
		if got := decided[i]; got.reservation.State != want.state || got.repeated != want.repeated {
			t.Errorf("order %d: got %s, repeated %v, want %+v", i, got.reservation.State, got.repeated, want)
		}
	}
	s.wantStock(t, soup.ID, Stock{14, 4, 2})
}

// A claim that fails the whole transaction leaves no trace of the others, and through Reserve each is decided by itself.
func TestOneFailingClaimDoesNotAffectOthers(t *testing.T) {
	s := newStore(t)
	soup := s.addProduct(t, "Soup", 10)
	claims := claimsFor(soup.ID, 3, 2)
	claims[1].request.OrderID = "no id"
	if _, err := s.decideAll(t.Context(), claims); err == nil {
		t.Fatal("got no error for an invalid id")
	}
	s.wantStock(t, soup.ID, Stock{Available: 10})
	errs := runConcurrently(len(claims), func(i int) error {
		_, _, err := s.Reserve(context.Background(), claims[i].request, Cause{})
		return err
	})
	if errs[0] != nil || errs[1] == nil || errs[2] != nil {
		t.Errorf("got %v, want an error of the invalid one only", errs)
	}
	s.wantStock(t, soup.ID, Stock{6, 4, 0})
}

// Replicas decide about overlapping groups in different orders while orders are cancelled and delivered: no deadlock, and nothing twice.
func TestGroupsOfTwoReplicasDoNotDeadlock(t *testing.T) {
	s := newStore(t)
	replicas := []store{s, openStore(s.pool, s.now)}
	soup, pasta := s.addProduct(t, "Soup", 100), s.addProduct(t, "Pasta", 100)
	var claims []claim
	for range 20 {
		lines := []Line{{soup.ID, 1}, {pasta.ID, 1}}
		claims = append(claims, claim{request: Request{OrderID: uuid.NewString(), Lines: lines}})
	}
	for _, err := range runConcurrently(8, func(i int) error {
		mine := slices.Clone(claims)
		if i%2 == 1 {
			slices.Reverse(mine)
		}
		if _, err := replicas[i%2].decideAll(context.Background(), mine); err != nil {
			return err
		}
		if i < 4 {
			return s.release(context.Background(), claims[i].request.OrderID)
		}
		return s.sell(context.Background(), claims[i].request.OrderID)
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	s.wantStock(t, soup.ID, Stock{84, 12, 4})
	s.wantStock(t, pasta.ID, Stock{84, 12, 4})
}

package journey

import (
	"iter"
	"net/http"
	"slices"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// allItems returns all items of a list, from its first page to its last.
func allItems[T any](t testing.TB, list func(client.Page) (client.List[T], error)) iter.Seq[T] {
	return func(yield func(T) bool) {
		for page := (client.Page{Limit: 100}); ; {
			got := scenario.Try(list(page)).OrFail(t)
			for _, item := range got.Items {
				if !yield(item) {
					return
				}
			}
			if page.Cursor = got.NextCursor; page.Cursor == "" {
				return
			}
		}
	}
}

// Pages list the newest items first. They have no gaps and no duplicates, even when an item is added between two pages.
func TestPagesHaveNoGapsAndNoDuplicates(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana, dish := t.Context(), s.Customer(), s.Dish(100, 100)
	var placed []string
	for range 7 {
		placed = append(placed, s.PlaceConfirmed(ana, scenario.Basket(dish, 1)).ID)
	}
	slices.Reverse(placed)

	first := scenario.Try(ana.Orders(ctx, "", client.Page{Limit: 3})).OrFail(t)
	scenario.Try(ana.Order(ctx, scenario.Basket(dish, 1))).OrFail(t)
	second := scenario.Try(ana.Orders(ctx, "", client.Page{Limit: 3, Cursor: first.NextCursor})).OrFail(t)
	third := scenario.Try(ana.Orders(ctx, "", client.Page{Limit: 3, Cursor: second.NextCursor})).OrFail(t)
	var got []string
	for _, order := range slices.Concat(first.Items, second.Items, third.Items) {
		got = append(got, order.ID)
	}
	if !slices.Equal(got, placed) || third.NextCursor != "" {
		t.Errorf("pages: got %v (next cursor %q), want %v", got, third.NextCursor, placed)
	}

	scenario.Try(ana.Cancel(ctx, placed[0], "")).OrFail(t)
	cancelled := scenario.Try(ana.Orders(ctx, client.Cancelled, client.Page{})).OrFail(t)
	if len(cancelled.Items) != 1 || cancelled.Items[0].ID != placed[0] {
		t.Errorf("cancelled orders: got %+v, want only %s", cancelled.Items, placed[0])
	}
}

func TestInvalidPagesAreRefused(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ana := s.Customer()
	for _, path := range []string{
		"/orders?limit=0", "/orders?limit=101", "/orders?limit=-1", "/orders?limit=many", "/orders?cursor=nonsense",
		"/orders?cursor=eyJ4IjoxfQ%3D%3D", "/orders?status=EATEN",
		"/products?limit=0", "/products?limit=101", "/products?cursor=nonsense", "/products?cursor=MQ",
	} {
		answer := scenario.Try(ana.Do(t.Context(), client.Request{Method: http.MethodGet, Path: path})).OrFail(t)
		wantProblem(t, answer.Problem(), http.StatusBadRequest)
	}
}

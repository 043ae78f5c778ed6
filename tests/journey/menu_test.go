package journey

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

func TestFirstStartCreatesTheDemoMenu(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	categories, dishes := map[string]bool{}, 0
	for product := range allItems(t, func(page client.Page) (client.List[client.Product], error) {
		return s.Anonymous.Menu(t.Context(), client.Search{Page: page})
	}) {
		if product.Category == "tests" {
			continue
		}
		dishes++
		categories[product.Category] = true
		if product.PriceCents <= 0 || product.Currency == "" || product.Name == "" || !product.Active {
			t.Errorf("the menu has an incomplete dish: %+v", product)
		}
	}
	if dishes < 25 || len(categories) < 4 {
		t.Errorf("the menu: got %d dishes in %d categories, want at least 25 in 4", dishes, len(categories))
	}
}

func TestMenuSearchMatchesNamesAndCategories(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, word, category := t.Context(), uuid.NewString()[:8], "search "+uuid.NewString()[:8]
	for _, name := range []string{"Sopa " + word, "Caldo 100%_" + word} {
		dish := client.NewProduct{Name: name, Category: category, PriceCents: 400, Stock: 1}
		scenario.Try(s.Admin.AddProduct(ctx, dish)).OrFail(t)
	}
	for _, test := range []struct {
		search client.Search
		want   int
	}{
		{client.Search{Query: word}, 2},
		{client.Search{Query: "SOPA " + word}, 1},
		{client.Search{Query: "100%_" + word}, 1},
		{client.Search{Query: "%_" + word[:4] + "%"}, 0}, // % and _ are no wildcards
		{client.Search{Category: category}, 2},
		{client.Search{Category: category, Query: "caldo"}, 1},
		{client.Search{Category: "none such"}, 0},
	} {
		if got := scenario.Try(s.Anonymous.Menu(ctx, test.search)).OrFail(t); len(got.Items) != test.want {
			t.Errorf("%+v: got %d dishes, want %d", test.search, len(got.Items), test.want)
		}
	}
}

// Customers see every change that an administrator makes to a dish.
func TestChangesOfADishAreVisible(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, ana := t.Context(), s.Customer()
	answer := scenario.Try(s.Admin.Do(ctx, client.Request{Method: http.MethodPost, Path: "/products", Body: client.NewProduct{
		Name: "Flan", Description: "de huevo", Category: "tests", PriceCents: 350, Stock: 3}})).OrFail(t)
	if answer.Status != http.StatusCreated || answer.Header.Get("Location") == "" {
		t.Fatalf("adding a dish: got %d, Location %q: %s", answer.Status, answer.Header.Get("Location"), answer.Body)
	}
	id := answer.Header.Get("Location")[len("/api/v1/products/"):]
	dish := scenario.Try(s.Anonymous.Product(ctx, id)).OrFail(t)
	if dish.Name != "Flan" || dish.Description != "de huevo" || dish.PriceCents != 350 || dish.Available != 3 ||
		!dish.Active || dish.Currency != "EUR" {
		t.Errorf("the new dish: got %+v, want what was sent, active and in EUR", dish)
	}

	name, off := "Flan casero", false
	changed := scenario.Try(s.Admin.ChangeProduct(ctx, id, client.ProductChange{Name: &name})).OrFail(t)
	if changed.Name != name || changed.Description != "de huevo" || changed.Version <= dish.Version {
		t.Errorf("the changed dish: got %+v, want another name and a higher version", changed)
	}
	scenario.Try(s.Admin.ChangeProduct(ctx, id, client.ProductChange{Active: &off})).OrFail(t)
	if found := scenario.Try(s.Anonymous.Menu(ctx, client.Search{Query: name})).OrFail(t); contains(found.Items, id) {
		t.Error("the menu still shows an inactive dish")
	}
	refused(s.Anonymous.Product(ctx, id)).want(t, http.StatusNotFound)
	refused(ana.Product(ctx, id)).want(t, http.StatusNotFound)
	if seen := scenario.Try(s.Staff().Product(ctx, id)).OrFail(t); seen.Active {
		t.Error("staff see an inactive dish as active")
	}
	// An order of the inactive dish is refused at once or rejected by the saga.
	placed, err := ana.Order(ctx, scenario.Basket(dish, 1))
	if err == nil {
		s.WantStatus(ana, placed.ID, client.Rejected)
	} else {
		wantProblem(t, err, http.StatusUnprocessableEntity)
	}
	s.WantStock(dish, 3, 0, 0)
}

func contains(products []client.Product, id string) bool {
	for _, product := range products {
		if product.ID == id {
			return true
		}
	}
	return false
}

func TestStockNeverFallsBelowZero(t *testing.T) {
	t.Parallel()
	s := newScenario(t, sharedSystem(t))
	ctx, cook, dish := t.Context(), s.Staff(), s.Dish(5, 700)
	if got := scenario.Try(cook.AddStock(ctx, dish.ID, 10)).OrFail(t); got.Available != 15 {
		t.Errorf("5 + 10: got %d, want 15", got.Available)
	}
	if got := scenario.Try(cook.AddStock(ctx, dish.ID, -15)).OrFail(t); got.Available != 0 {
		t.Errorf("15 - 15: got %d, want 0", got.Available)
	}
	refused(cook.AddStock(ctx, dish.ID, -1)).want(t, http.StatusConflict)
	refused(cook.AddStock(ctx, dish.ID, 0)).want(t, http.StatusUnprocessableEntity)
	refused(cook.AddStock(ctx, dish.ID, 1<<40)).want(t, http.StatusUnprocessableEntity)
	refused(cook.AddStock(ctx, uuid.NewString(), 1)).want(t, http.StatusNotFound)
	s.WantStock(dish, 0, 0, 0)
}

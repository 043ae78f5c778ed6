package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/database"
	"comanda/services/internal/server"
	"comanda/services/internal/servicetest"
)

// fillMenu adds n dishes quickly, with their search entries.
func fillMenu(t testing.TB, pool *pgxpool.Pool, n int, dish func(i int) (name, category, description string)) {
	t.Helper()
	products, stock, entries := make([][]any, n), make([][]any, n), make([][]any, n)
	sections := map[string]entry{}
	now := server.Clock()
	for i := range n {
		name, category, description := dish(i)
		id := uuid.New()
		e := entryOf(Product{ID: id.String(), Name: name, Category: category, Description: description})
		products[i] = []any{id, name, description, category, 1000, "EUR", now, "test", now, "", 1}
		stock[i] = []any{id, 10}
		entries[i] = []any{id, 1, entryRules, true, e.CategoryKey, e.NameKey, e.Category, e.Text, e.Grams}
		addToSection(sections, e)
	}
	sectionRows := [][]any{}
	for _, e := range sections {
		from, until := e.section()
		sectionRows = append(sectionRows, []any{e.CategoryKey, from, until, e.Grams})
	}
	// statement_timeout is meant for requests and would end this load. Postgres builds an index in one go faster than row by row.
	slow := database.Unlimited(t.Context())
	err := pgx.BeginFunc(slow, pool, func(tx pgx.Tx) error {
		var definition string
		err := tx.QueryRow(slow, `select pg_get_indexdef('product_search_grams'::regclass)`).Scan(&definition)
		if err == nil {
			_, err = tx.Exec(slow, `set local statement_timeout = 0; drop index product_search_grams`)
		}
		for _, table := range []struct {
			name, columns string
			rows          [][]any
		}{
			{"products", "id name description category price_cents currency created_at created_by updated_at fingerprint indexed_version", products},
			{"stock", "product_id available", stock},
			{"product_search", "product_id version rules active category_key name_key category text grams", entries},
			{"menu_sections", "category_key name_from name_until grams", sectionRows},
		} {
			if err == nil {
				_, err = tx.CopyFrom(slow, pgx.Identifier{table.name}, strings.Fields(table.columns), pgx.CopyFromRows(table.rows))
			}
		}
		if err == nil {
			_, err = tx.Exec(slow, definition)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	servicetest.Vacuum(t, pool, "products", "stock", "product_search", "menu_sections")
}

// addToSection adds e's n-grams to those of its section, as saveSection does.
func addToSection(sections map[string]entry, e entry) {
	from, _ := e.section()
	key := fmt.Sprintf("%x %x", e.CategoryKey, from)
	e.Grams = distinct(append(sections[key].Grams, e.Grams...))
	sections[key] = e
}

func TestProductsWithoutACurrentEntryAreIndexed(t *testing.T) {
	s := newStore(t)
	fillMenu(t, s.pool, 3*batchSize+1, func(i int) (string, string, string) { return fmt.Sprintf("Dish %03d", i), "Mains", "" })
	for name, statement := range map[string]string{
		"from before the table":  `delete from product_search`,
		"by older rules":         `update product_search set rules = 0, text = 'x', grams = '{1}'`,
		"changed by old version": `update products set version = version + 1, name = replace(name, 'Dish', 'Fish')`,
	} {
		if _, err := s.pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		for _, err := range runConcurrently(3, func(int) error { return s.IndexProducts(context.Background()) }) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if got := s.findNames(t, newListing("ish 150", "mains", ptr(true))); len(got) != 1 {
			t.Errorf("%s: got %v, want one dish", name, got)
		}
		if got := s.findNames(t, newListing("", "", nil)); len(got) != 100 || !slices.IsSorted(got) {
			t.Errorf("%s: got %v, want the first 100 dishes in order", name, got)
		}
	}
}

func TestEntriesOfNewerRulesAreKept(t *testing.T) {
	s := newStore(t)
	s.addDish(t, "Soup", "Mains", "")
	if _, err := s.pool.Exec(t.Context(), `update product_search set rules = $1, text = 'newer'`, entryRules+1); err != nil {
		t.Fatal(err)
	}
	if err := s.IndexProducts(t.Context()); err != nil {
		t.Fatal(err)
	}
	var text string
	if err := s.pool.QueryRow(t.Context(), `select text from product_search`).Scan(&text); err != nil || text != "newer" {
		t.Errorf("got %q, %v: replicas of two versions would rewrite the entries in turns", text, err)
	}
}

// explain returns the plan of a listing's query.
func (s store) explain(t *testing.T, source string, want listing, after *position) string {
	t.Helper()
	query, arguments := menuQuery(source, want, after, 21)
	return servicetest.Explained(t, s.pool, "explain "+query, arguments)
}

// TestSearchLeavesOutSectionsWithoutItsWords checks that a short walk finds frequent words that sort late.
func TestSearchLeavesOutSectionsWithoutItsWords(t *testing.T) {
	s := newStore(t)
	fillMenu(t, s.pool, 20_000, lateDish)
	start := position{sortKey("category 01", maxCategoryKey), sortKey("Soup", maxNameKey), uuid.NewString()}
	for _, query := range []string{"vj", "vjestica", "zzquark", "vjestica soup"} {
		for _, after := range []*position{nil, &start} {
			found, err := s.collectMenu(t.Context(), walkQuery, newListing(query, "", ptr(true)), after, 21)
			if err != nil || len(found) != 21 {
				t.Errorf("%s, later page %t: got %d dishes, %v, want 21", query, after != nil, len(found), err)
			}
		}
	}
}

// Both queries of a search take less time than planning them.
func TestSearchesKeepTheirPlans(t *testing.T) {
	s := newStore(t)
	fillMenu(t, s.pool, 20_000, lateDish)
	pool := servicetest.OneConnection(t, s.pool)
	for i := range 20 {
		for _, category := range []string{"", "Category 07"} {
			if _, err := (store{pool: pool}).Menu(t.Context(), newListing(fmt.Sprintf("xyzzy%d", i), category, ptr(true)), nil, 21); err != nil {
				t.Fatal(err)
			}
		}
	}
	servicetest.WantKept(t, pool, 4)
}

func TestSectionsHaveTheGramsOfTheirDishes(t *testing.T) {
	s := newStore(t)
	for round, change := range []func(i int) error{
		func(i int) error { // the same section is inserted and updated
			s.addDish(t, fmt.Sprintf("Dish %d", i), "Mains", fmt.Sprintf("word%dx", i))
			return nil
		},
		func(i int) error {
			found, err := s.Menu(t.Context(), newListing(fmt.Sprintf("word%dx", i), "", ptr(true)), nil, 1)
			if err == nil && len(found) != 1 {
				err = fmt.Errorf("got %d dishes, want 1", len(found))
			}
			if err == nil {
				_, err = s.ChangeProduct(t.Context(), found[0].ID, Patch{Name: ptr(fmt.Sprintf("%c other", 'A'+i)), Category: ptr("Sides")})
			}
			return err
		},
	} {
		for _, err := range runConcurrently(20, change) {
			if err != nil {
				t.Fatal(err)
			}
		}
		var complete int
		if err := s.pool.QueryRow(t.Context(), `select count(*) from product_search e join menu_sections s using (category_key)
			where name_key >= name_from and name_key < name_until and s.grams @> e.grams`).Scan(&complete); err != nil || complete != 20 {
			t.Errorf("round %d: %d of 20 dishes are in a section that has their n-grams (%v)", round, complete, err)
		}
	}
}

func TestListsUseTheirIndexes(t *testing.T) {
	s := newStore(t)
	fillMenu(t, s.pool, 20_000, lateDish)
	// Some dishes have changed since the last vacuum.
	if _, err := s.pool.Exec(t.Context(), `update product_search set version = version where product_id in (select product_id from product_search limit 100)`); err != nil {
		t.Fatal(err)
	}
	unwanted := map[string][]string{
		listQuery: {"Seq Scan", "Bitmap"},
		gramQuery: {"Seq Scan"},
		// the order is that of a nested loop
		walkQuery: {"Seq Scan on product", "Hash", "Merge", "Gather", "Sort Key: section"},
	}
	somewhere := position{sortKey("category 02", maxCategoryKey), sortKey("Soup", maxNameKey), uuid.NewString()}
	for _, query := range []string{"", "o", "ou", "vj", "soup", "vjestica", "zzquark", "creme brulee", "xyz"} {
		for _, category := range []string{"", "Category 07"} {
			for _, active := range []*bool{ptr(true), ptr(false), nil} {
				for _, after := range []*position{nil, &somewhere} {
					want := newListing(query, category, active)
					index := "product_search_active"
					if active == nil {
						index = "product_search_" // either
					}
					sources := map[string]string{listQuery: index}
					switch {
					case query != "" && category == "" && (active == nil || *active):
						sources = map[string]string{walkQuery: index, gramQuery: "product_search_grams"}
					case query != "": // few products: Postgres may prefer the order's index
						sources = map[string]string{walkQuery: index, gramQuery: "product_search_"}
					}
					for source, index := range sources {
						plan := s.explain(t, source, want, after)
						if source == walkQuery {
							index = "Index Only Scan using " + index
						}
						isIn := func(node string) bool { return strings.Contains(plan, node) }
						if !isIn(index) || slices.ContainsFunc(unwanted[source], isIn) {
							t.Errorf("query %q, category %q, active %v, later page %t: got this plan, want one with %s:\n%s",
								query, category, active, after != nil, index, plan)
						}
					}
				}
			}
		}
	}
}

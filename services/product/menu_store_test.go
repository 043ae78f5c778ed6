package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// addDish adds a dish to the menu, and returns it.
func (s store) addDish(t testing.TB, name, category, description string) Product {
	t.Helper()
	draft := Draft{Name: name, Category: category, Description: description, PriceCents: ptr(int64(1000)), Stock: 1}
	p, err := draft.Product(uuid.NewString(), "EUR", s.now())
	if err != nil {
		t.Fatal(err)
	}
	if p, _, err = s.AddProduct(t.Context(), p, name, "test"); err != nil {
		t.Fatal(err)
	}
	return p
}

// findNames returns the names of the first 100 dishes of a listing.
func (s store) findNames(t testing.TB, want listing) []string {
	t.Helper()
	found, err := s.Menu(t.Context(), want, nil, 100)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, p := range found {
		names = append(names, p.Name)
	}
	return names
}

// findInPages returns the names of all dishes of a listing, which it reads in pages of limit dishes. Names must differ.
func (s store) findInPages(t testing.TB, want listing, limit int) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	var after *position
	for {
		page, err := s.Menu(t.Context(), want, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			return names
		}
		for _, p := range page {
			if names[p.Name] || !strings.Contains(entryOf(p).Text, strings.Join(want.Words[:min(len(want.Words), 1)], "")) {
				t.Fatalf("%q: got %q twice, or it does not match", want.Words, p.Name)
			}
			names[p.Name] = true
		}
		last := positionOf(page[len(page)-1])
		after = &last
	}
}

func TestMenuSearch(t *testing.T) {
	s := newStore(t)
	if err := s.SeedMenu(t.Context(), "EUR"); err != nil {
		t.Fatal(err)
	}
	s.addDish(t, "Ñoquis", "CAFÉS", "Con salsa de la Abuela")
	s.addDish(t, "Crème Bru\u0302lée", "Cafe\u0301s", "100% dulce_de_leche")
	s.addDish(t, "Große Klöße", "cafes", `C:\Knödel`)
	s.addDish(t, "麺とスープ", "日本", "")
	for name, tc := range map[string]struct {
		query, category string
		hits            int
	}{
		"in the name":                    {"pIZZa", "", 5},
		"in the description":             {"guanciale", "", 1},
		"category":                       {"", "pizza", 5},
		"query and category":             {"truffle", "Pizza", 1},
		"part of a category":             {"", "pizz", 0},
		"another category":               {"ñoquis", "Pizza", 0},
		"lower case":                     {"ñoquis", "", 1},
		"without a tilde":                {"NOQUIS", "", 1},
		"NFD":                            {"n\u0303oquis", "", 1},
		"without accents":                {"creme brulee", "", 1},
		"NFC finds NFD":                  {"crème brûlée", "", 1},
		"sharp s":                        {"GROSSE KLÖSSE", "", 1},
		"categories in any case":         {"", "cafés", 3},
		"categories without accents":     {"", "CAFES", 3},
		"words in another order":         {"brulee creme", "", 1},
		"parts of words":                 {"eme rul", "", 1},
		"words of name and description":  {"noq abuel", "", 1},
		"one word is missing":            {"noquis pizza", "", 0},
		"one letter":                     {"ñ", "cafes", 2},
		"one ideograph":                  {"麺", "", 1},
		"two letters":                    {"ス-", "", 0},
		"half-width letters":             {"ｽｰ", "", 1},
		"space":                          {" \u3000 ", "cafes", 3},
		"nothing but invisible":          {"\u200b", "cafes", 3},
		"longer than any word":           {strings.Repeat("noquis", 16), "", 0},
		"percent sign":                   {"%", "", 1},
		"percent sign as a wildcard":     {"c%b", "", 0},
		"underscore":                     {"_", "", 1},
		"underscore as a wildcard":       {"dulce_e", "", 0},
		"underscore in a word":           {"dulce_de", "", 1},
		"backslash":                      {`\`, "", 1},
		"backslash at the end of a word": {`c:\ klosse`, "", 1},
		"SQL":                            {"' or ''='", "", 0},
	} {
		if got := s.findNames(t, newListing(tc.query, tc.category, ptr(true))); len(got) != tc.hits {
			t.Errorf("%s: got %v, want %d dishes", name, got, tc.hits)
		}
	}
}

func TestMenuIsSortedAsPeopleExpect(t *testing.T) {
	s := newStore(t)
	want := []string{"7 up", "Arbol", "Árbol", "arce", "Coca-Cola", "Crème Brûlée", "Crepe", "Noodles", "Ñoquis", "Nuez", "Ol", "Øl", "Pizza 2", "Pizza 9",
		"Pizza 10", "Straße", "Zumo", "Борщ", "日本", "麺"}
	for i, name := range want {
		s.addDish(t, name, []string{"Cafés", "CAFES", "cafe\u0301s"}[i%3], "")
	}
	s.addDish(t, "A", "Drinks", "")
	s.addDish(t, "Z", "Árboles", "")
	want = append(append([]string{"Z"}, want...), "A")
	if got := s.findNames(t, newListing("", "", nil)); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := s.findNames(t, newListing("", "CAFÉS", nil)); !slices.Equal(got, want[1:len(want)-1]) {
		t.Errorf("one category: got  %v\nwant %v", got, want[1:len(want)-1])
	}
}

// TestLongTextsAndCategories checks dishes whose text is too long for the index, or just short enough, and whose categories have the
// same sort key, because it is cut.
func TestLongTextsAndCategories(t *testing.T) {
	s := newStore(t)
	random := rand.New(rand.NewPCG(1, 2))
	ideographs := func(n int) string { // that do not compress
		text := make([]rune, n)
		for i := range text {
			text[i] = rune(0x4e00 + random.IntN(0x5000))
		}
		return string(text)
	}
	shared, name, description := ideographs(maxCategory-1), ideographs(maxName-2), ideographs(maxDescription)
	longest := (2000 - len(name+"a0 ")) / len("麺") // in the index
	for i, length := range []int{longest, longest + 1, maxDescription} {
		for _, suffix := range []string{"a", "b"} {
			s.addDish(t, name+suffix+strconv.Itoa(i), shared+suffix, string([]rune(description)[:length]))
		}
	}
	for query, dishes := range map[string]int{"": 3, name: 3, "0": 1, "1": 1, "2": 1, "x": 0} {
		for category, categories := range map[string]int{"": 2, shared + "a": 1, shared + "b": 1, shared + "c": 0} {
			for _, limit := range []int{1, 100} {
				if got := s.findInPages(t, newListing(query, category, ptr(true)), limit); len(got) != dishes*categories {
					t.Errorf("query %.8q, category of %d bytes, %d to a page: got %d dishes, want %d", query, len(category), limit,
						len(got), dishes*categories)
				}
			}
		}
	}
}

// TestSearchFindsMatchesBeyondTheEntriesItWalks checks searches with few matches, and searches whose first match comes after more entries
// than the search walks through.
func TestSearchFindsMatchesBeyondTheEntriesItWalks(t *testing.T) {
	s := newStore(t)
	texts := make([]string, maxWalked+500)
	fillMenu(t, s.pool, len(texts), func(i int) (name, category, description string) {
		defer func() { texts[i] = fold(name + " " + description) }()
		switch {
		case i%500 == 0:
			return fmt.Sprintf("Rare %04d", i), "Mains", ""
		case i > maxWalked+200:
			return fmt.Sprintf("Dish zuletzt %04d", i), "Mains", "" // in the same section
		}
		return fmt.Sprintf("Dish %04d", i), "Mains", "late only in the description"
	})
	for _, query := range []string{"rare", "zz", "zuletzt", "zuletzt 44", "late 44", "late", "i", "44", "re 40"} {
		hits := 0
		for _, text := range texts {
			if !slices.ContainsFunc(strings.Fields(query), func(word string) bool { return !strings.Contains(text, word) }) {
				hits++
			}
		}
		for _, limit := range []int{7, 100} {
			names := s.findInPages(t, newListing(query, "", ptr(true)), limit)
			if len(names) != hits {
				t.Errorf("%s, %d to a page: got %d dishes, want %d", query, limit, len(names), hits)
			}
		}
	}
}

package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
)

// page requests a page of the products with the given parameters as caller.
func (h harness) page(t *testing.T, caller servicetest.Person, parameters ...string) rest.List[Product] {
	t.Helper()
	query := url.Values{}
	for i := 0; i+1 < len(parameters); i += 2 {
		query.Set(parameters[i], parameters[i+1])
	}
	list := servicetest.Decode[rest.List[Product]](t, h.Request(t, caller, "GET", "/products?"+query.Encode(), ""), http.StatusOK)
	if len(list.NextCursor) > rest.MaxCursor {
		t.Errorf("got a cursor of %d characters, want at most %d", len(list.NextCursor), rest.MaxCursor)
	}
	return list
}

// allNames returns the names on all pages of a list, with two products to a page. It calls between before each later page.
func (h harness) allNames(t *testing.T, between func(), parameters ...string) []string {
	t.Helper()
	var names []string
	page := h.page(t, anonymous, append(parameters, "limit", "2")...)
	for {
		for _, p := range page.Items {
			names = append(names, p.Name)
		}
		if page.NextCursor == "" {
			return names
		}
		between()
		page = h.page(t, anonymous, append(parameters, "limit", "2", "cursor", page.NextCursor)...)
	}
}

func TestEveryCursorIsTaken(t *testing.T) {
	h := newHarness(t)
	var want []string
	for i, letter := range []string{"a", "W", "é", "ﷺ", "麺", "㍿", "𠀀", "🍜", "\u0f40", "각", "9"} {
		for _, length := range []int{1, 98, maxName - 1} {
			name := strings.Repeat(letter, length) + fmt.Sprint(i%10)
			p := h.addDish(t, name, strings.Repeat(letter, min(length, maxCategory)), "")
			want = append(want, p.Name)
		}
	}
	for _, parameters := range [][]string{nil, {"query", "1"}, {"category", strings.Repeat("麺", maxCategory)}} {
		names := h.allNames(t, func() {}, parameters...)
		if parameters == nil && len(names) != len(want) {
			t.Errorf("got %d products, want %d", len(names), len(want))
		}
		if slices.Sort(names); len(slices.Compact(slices.Clone(names))) != len(names) || len(names) == 0 {
			t.Errorf("%v: got no products, or some twice: %q", parameters, names)
		}
	}
}

// Dishes with the longest texts do not make a page that is too large, and each is on one page.
func TestPagesOfTheMenuAreBoundedInBytes(t *testing.T) {
	h, text := newHarness(t), func(length int) string { return strings.Repeat("<", length) } // takes six bytes a character in JSON
	for i := range 60 {
		h.addDish(t, text(maxName-2)+fmt.Sprintf("%02d", i), text(maxCategory), text(maxDescription))
	}
	for _, filter := range []string{"", "query=%3C&"} {
		products, pages, largest := servicetest.ReadPages[Product](t, h.API, anonymous, "/products?"+filter+"limit=100")
		if largest > rest.MaxPage+rest.MaxCursor+100 {
			t.Errorf("got a page of %d bytes, want at most %d", largest, rest.MaxPage)
		}
		names := map[string]bool{}
		for _, p := range products {
			names[p.Name] = true
		}
		if len(names) != 60 || pages != 2 {
			t.Errorf("%q: got %d dishes on %d pages, want 60 on 2", filter, len(names), pages)
		}
	}
}

func TestPagesSurviveChangesOfTheMenu(t *testing.T) {
	h := newHarness(t)
	var dishes []Product
	for i := range 20 {
		dishes = append(dishes, h.addDish(t, fmt.Sprintf("Dish %02d", i), "Mains", ""))
	}
	stays := func(name string) bool {
		return strings.HasPrefix(name, "Dish") && name != "Dish 03" && name != "Dish 12"
	}
	change := func(i int, patch Patch) {
		if _, err := h.ChangeProduct(t.Context(), dishes[i].ID, patch); err != nil {
			t.Fatal(err)
		}
	}
	calls := 0
	names := h.allNames(t, func() {
		switch calls++; calls {
		case 1: // the last dishes of the page before, from which the cursor comes
			change(1, Patch{Name: ptr("Zuletzt")})
			h.addDish(t, "Adobo", "Mains", "")
		case 2:
			change(3, Patch{Active: ptr(false)})
			h.addDish(t, "Dish 03b", "Mains", "")
		case 3:
			change(12, Patch{Name: ptr("Aal")})
			change(0, Patch{Category: ptr("Zuletzt")})
		}
	})
	var seen []string
	for _, name := range names {
		if stays(name) && name != "Dish 03b" {
			seen = append(seen, name)
		}
	}
	var want []string
	for _, dish := range dishes {
		if stays(dish.Name) {
			want = append(want, dish.Name)
		}
	}
	// Dish 00 moved behind all others, so it is listed again under its new category.
	if want = append(want, "Dish 00"); !slices.Equal(seen, want) {
		t.Errorf("got  %v\nwant %v", seen, want)
	}
	if !slices.Contains(names, "Dish 03b") || slices.Contains(names, "Adobo") {
		t.Errorf("got %v, want the new dish that comes later, and not the one that comes earlier", names)
	}
}

func TestACursorContinuesOnlyItsSearch(t *testing.T) {
	h := newHarness(t)
	for i := range 9 {
		h.addDish(t, fmt.Sprintf("Crème Soup %d", i), "Cafés", "")
	}
	cursor := h.page(t, anonymous, "query", "soup creme", "category", "cafes", "limit", "3").NextCursor
	if got := h.page(t, anonymous, "query", "SOUP  Crème", "category", "CAFÉS", "limit", "6", "cursor", cursor); len(got.Items) != 6 ||
		got.Items[0].Name != "Crème Soup 3" {
		t.Errorf("the same search, typed differently: got %v, want the other six", got.Items)
	}
	changed := []byte(cursor)
	changed[len(cursor)/2] ^= 1
	for _, query := range []string{"", "query=soup", "query=soup+creme", "category=cafes", "query=soup+creme&category=mains",
		"query=soup+creme&category=cafes&active=all", "query=creme+soup+x&category=cafes"} {
		if got := h.Request(t, staff, "GET", "/products?"+query+"&cursor="+cursor, ""); got.Code != http.StatusBadRequest {
			t.Errorf("%s: got %d, want 400", query, got.Code)
		}
	}
	if got := h.Request(t, anonymous, "GET", "/products?query=soup+creme&category=cafes&cursor="+string(changed), ""); got.Code != 400 {
		t.Errorf("changed cursor: got %d, want 400", got.Code)
	}
}

func TestSearchParameters(t *testing.T) {
	h := newHarness(t)
	h.addDish(t, "Ñoquis", "CAFÉS", "")
	for name, parameters := range map[string][]string{
		"in NFD":            {"query", "n\u0303oquis", "category", "cafe\u0301s"},
		"surrounding space": {"query", " noquis\t", "category", "  cafes "},
		"empty":             {"query", "", "category", "", "active", "", "cursor", "", "limit", ""},
	} {
		if got := h.page(t, anonymous, parameters...); len(got.Items) != 1 {
			t.Errorf("%s: got %v, want one product", name, got.Items)
		}
	}
	if got := h.page(t, anonymous, "query", "no such dish"); got.Items == nil {
		t.Error("empty list: got null, want []")
	}
	for _, query := range []string{"limit=0", "limit=101", "limit=x", "cursor=x", "cursor=bnVsbA", "cursor=e30", "query=%00",
		"query=%E2%80%AE", "category=a%0Ab", "category=%EF%BF%BF",
		"query=%ff", "category=" + strings.Repeat("x", maxCategory+1), "query=" + strings.Repeat("x", maxQuery+1), "active=1", "active=no"} {
		if w := h.Request(t, anonymous, "GET", "/products?"+query, ""); w.Code != http.StatusBadRequest {
			t.Errorf("%s: got %d %s, want 400", query, w.Code, w.Body)
		}
	}
}

func TestWhatIsTakenOffTheMenuCanBeListedAndPutBack(t *testing.T) {
	h := newHarness(t)
	soup, gone := h.addProduct(t, "Soup", 1), h.addProduct(t, "Gone", 1)
	wantProduct(t, h.Request(t, admin, "PATCH", "/products/"+gone.ID, `{"active":false}`), http.StatusOK)
	for active, want := range map[string][]string{"": {"Soup"}, "true": {"Soup"}, "false": {"Gone"}, "all": {"Gone", "Soup"}} {
		for _, caller := range []servicetest.Person{staff, admin} {
			var names []string
			for _, p := range h.page(t, caller, "active", active).Items {
				names = append(names, p.Name)
			}
			if !slices.Equal(names, want) {
				t.Errorf("active=%s: got %v, want %v", active, names, want)
			}
		}
		code := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[active == "" || active == "true"]
		if got := h.Request(t, customer, "GET", "/products?active="+active, ""); got.Code != code {
			t.Errorf("active=%s as a customer: got %d, want %d", active, got.Code, code)
		}
	}
	for _, active := range []string{"false", "all"} {
		wantProblem(t, h.Request(t, anonymous, "GET", "/products?active="+active, ""), http.StatusUnauthorized)
	}
	if got := h.page(t, staff, "active", "false", "query", "gon"); len(got.Items) != 1 || got.Items[0].Active {
		t.Errorf("search: got %v, want the inactive product", got.Items)
	}
	back := wantProduct(t, h.Request(t, admin, "PATCH", "/products/"+gone.ID, `{"active":true}`), http.StatusOK)
	if list := h.page(t, anonymous); !back.Active || len(list.Items) != 2 || len(h.page(t, staff, "active", "false").Items) != 0 {
		t.Errorf("got %v, want %s and %s on the menu again", list.Items, soup.ID, back.ID)
	}
	if got := h.page(t, staff, "active", "false", "query", uuid.NewString()); len(got.Items) != 0 {
		t.Errorf("got %v, want nothing", got.Items)
	}
}

func TestSearchTakesTextAsDishesDo(t *testing.T) {
	h := newHarness(t)
	h.addDish(t, "  Cre\u0301pes\u200b Suzette ", "Desserts\u00ad", "")
	longest := strings.Repeat("e\u0301", maxQuery)
	for _, parameters := range [][]string{
		{"query", "Cr\u00e9\u200bpes"}, {"query", "suzette\n\u3000cre\u0301pes"}, {"category", "\u3000DESSERTS\u2060"}, {"query", "\u200b"},
	} {
		found := h.page(t, anonymous, parameters...).Items
		if len(found) != 1 || found[0].Name != "Cr\u00e9pes Suzette" || found[0].Category != "Desserts" {
			t.Errorf("%+q: got %+v, want the one dish", parameters, found)
		}
	}
	h.page(t, anonymous, "query", longest)
	if got := h.Request(t, anonymous, "GET", "/products?query="+url.QueryEscape(longest+"e"), ""); got.Code != 400 {
		t.Errorf("a query of %d characters: got %d, want 400", maxQuery+1, got.Code)
	}
}

package main

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"

	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

var (
	anonymous = servicetest.Person{}
	customer  = servicetest.Person{ID: "0c000000-0000-4000-8000-000000000001", Roles: []string{token.Customer}}
	staff     = servicetest.Person{ID: "0c000000-0000-4000-8000-000000000002", Roles: []string{token.Customer, token.Staff}}
	admin     = servicetest.Person{ID: "0c000000-0000-4000-8000-000000000003", Roles: []string{token.Customer, token.Admin}}
)

// wantProduct fails the test unless r is a product with the status code. It returns the product.
func wantProduct(t *testing.T, r servicetest.Response, code int) Product {
	t.Helper()
	return servicetest.Decode[Product](t, r, code)
}

// wantProblem fails the test unless r is a problem with the status code.
func wantProblem(t *testing.T, r servicetest.Response, code int) {
	t.Helper()
	servicetest.Decode[rest.Problem](t, r, code)
}

const ossoBuco = `{"name":"Osso Buco","category":"Mains","priceCents":2390,"stock":10}`

func TestOnlyAdminsCreateProductsAndRepeatsCreateNone(t *testing.T) {
	h := newHarness(t)
	w := h.Request(t, admin, "POST", "/products", ossoBuco, "Idempotency-Key", "k1")
	created := wantProduct(t, w, http.StatusCreated)
	if w.Header.Get("Location") != "/api/v1/products/"+created.ID || created.Currency != "EUR" || created.Available != 10 ||
		*created.Reserved != 0 {
		t.Errorf("got %+v at %q, want 10 pieces in EUR at its own location", created, w.Header.Get("Location"))
	}
	again := h.Request(t, admin, "POST", "/products", ` {"stock":10, "priceCents":2390,"category":"Mains","name":"Osso Buco"}`,
		"Idempotency-Key", "k1")
	if got := wantProduct(t, again, http.StatusOK); got.ID != created.ID || again.Header.Get("Location") == "" {
		t.Errorf("repeated request: got %+v, want the same product with a Location", got)
	}
	wantProblem(t, h.Request(t, admin, "POST", "/products", strings.Replace(ossoBuco, "10", "11", 1), "Idempotency-Key", "k1"),
		http.StatusUnprocessableEntity)
	if other := wantProduct(t, h.Request(t, admin, "POST", "/products", ossoBuco), http.StatusCreated); other.ID == created.ID {
		t.Error("request without a key: got the same product, want another one")
	}
	wantProblem(t, h.Request(t, staff, "POST", "/products", ossoBuco), http.StatusForbidden)
	wantProblem(t, h.Request(t, anonymous, "POST", "/products", ossoBuco), http.StatusUnauthorized)
	wrong := servicetest.Decode[rest.Problem](t, h.Request(t, admin, "POST", "/products", `{"name":"\u0007","priceCents":-1}`),
		http.StatusUnprocessableEntity)
	if len(wrong.Errors) != 3 {
		t.Errorf("got %+v, want 3 errors", wrong.Errors)
	}
}

func TestOnlyAdminsChangeProducts(t *testing.T) {
	h := newHarness(t)
	path := "/products/" + h.addProduct(t, "Soup", 3).ID
	if got := wantProduct(t, h.Request(t, admin, "PATCH", path, `{"priceCents":5}`), http.StatusOK); got.PriceCents != 5 ||
		got.Version != 2 {
		t.Errorf("got %+v, want a price of 5 in version 2", got)
	}
	wantProblem(t, h.Request(t, staff, "PATCH", path, `{"priceCents":6}`), http.StatusForbidden)
	wantProblem(t, h.Request(t, admin, "PATCH", path, `{"stock":6}`), http.StatusUnprocessableEntity)
	wantProblem(t, h.Request(t, admin, "PATCH", path, `{"currency":"EURO"}`), http.StatusUnprocessableEntity)
	wantProblem(t, h.Request(t, admin, "PATCH", "/products/"+uuid.NewString(), `{}`), http.StatusNotFound)
}

func TestStaffMoveStockOncePerKey(t *testing.T) {
	h := newHarness(t)
	path := "/products/" + h.addProduct(t, "Soup", 3).ID + "/stock"
	for range 2 {
		if got := wantProduct(t, h.Request(t, staff, "POST", path, `{"delta":4}`, "Idempotency-Key", "k"),
			http.StatusOK); got.Available != 7 {
			t.Errorf("got %d available, want 7", got.Available)
		}
	}
	if got := wantProduct(t, h.Request(t, admin, "POST", path, `{"delta":4}`, "Idempotency-Key", "k"),
		http.StatusOK); got.Available != 11 {
		t.Errorf("same key from another caller: got %d available, want 11", got.Available)
	}
	for body, status := range map[string]int{
		`{"delta":5}`: 422, `{"delta":0}`: 422, `{}`: 422, `{"delta":1.5}`: 422, `{"delta":"1"}`: 422, `{"delta":1000000}`: 422,
		`{`: 400,
	} {
		wantProblem(t, h.Request(t, staff, "POST", path, body, "Idempotency-Key", "k"), status)
	}
	wantProblem(t, h.Request(t, staff, "POST", path, `{"delta":-12}`), http.StatusConflict)
	wantProblem(t, h.Request(t, customer, "POST", path, `{"delta":1}`), http.StatusForbidden)
	wantStockLaw(t, h.pool)
}

func TestOnlyStaffAndAdminsSeeReservedAndSold(t *testing.T) {
	h := newHarness(t)
	path := "/products/" + h.addProduct(t, "Soup", 3).ID
	for _, tc := range []struct {
		caller servicetest.Person
		sees   bool
	}{{anonymous, false}, {customer, false}, {staff, true}, {admin, true}} {
		one := h.Request(t, tc.caller, "GET", path, "").Body
		list := h.Request(t, tc.caller, "GET", "/products", "").Body
		for _, body := range []string{one, list} {
			if strings.Contains(body, `"reserved":0,"sold":0`) != tc.sees || !strings.Contains(body, `"available":3`) {
				t.Errorf("roles %v: got %s, want reserved and sold: %t", tc.caller.Roles, body, tc.sees)
			}
		}
	}
}

func TestProductListIsPaged(t *testing.T) {
	h := newHarness(t)
	if err := h.SeedMenu(t.Context(), "EUR"); err != nil {
		t.Fatal(err)
	}
	products, pages, _ := servicetest.ReadPages[Product](t, h.API, anonymous, "/products?limit=10")
	seen := map[string]bool{}
	for _, p := range products {
		seen[p.ID] = true
	}
	if pages != 4 || len(seen) != 32 {
		t.Errorf("got %d dishes in %d pages, want 32 in 4", len(seen), pages)
	}
}

func TestUnknownAndInvalidIDsAreNotFound(t *testing.T) {
	h := newHarness(t)
	id := uuid.NewString()
	for _, path := range []string{"/products/1", "/products/" + id, "/products/urn:uuid:" + id,
		"/products/" + strings.ReplaceAll(id, "-", ""),
		"/products/%7B" + id + "%7D", "/products/..%2f" + id, "/nothing"} {
		if w := h.Request(t, anonymous, "GET", path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: got %d %s, want 404", path, w.Code, w.Body)
		}
	}
	soup := h.addProduct(t, "Soup", 1)
	if got := wantProduct(t, h.Request(t, anonymous, "GET", "/products/"+strings.ToUpper(soup.ID), ""),
		http.StatusOK); got.ID != soup.ID {
		t.Errorf("got %+v, want product %s", got, soup.ID)
	}
}

func TestOnlyStaffAndAdminsFindAProductThatIsNotActive(t *testing.T) {
	h := newHarness(t)
	gone, unknown := h.addProduct(t, "Gone", 3).ID, uuid.NewString()
	wantProduct(t, h.Request(t, admin, "PATCH", "/products/"+gone, `{"active":false}`), http.StatusOK)
	for _, caller := range []servicetest.Person{staff, admin} {
		if got := wantProduct(t, h.Request(t, caller, "GET", "/products/"+gone, ""), http.StatusOK); got.ID != gone || got.Active {
			t.Errorf("roles %v: got %+v, want the product, which is not active", caller.Roles, got)
		}
	}
	for _, caller := range []servicetest.Person{anonymous, customer} {
		for _, method := range []string{"GET", "HEAD"} {
			for _, headers := range [][]string{nil, {"If-None-Match", `"2-3"`}, {"If-None-Match", "*"}, {"If-Match", `"2-3"`}, {"If-Match", "*"}} {
				// no part of the answer differs from that for an unknown id
				got := h.Request(t, caller, method, "/products/"+gone, "", headers...)
				want := h.Request(t, caller, method, "/products/"+unknown, "", headers...)
				if got.Code != http.StatusNotFound || strings.ReplaceAll(got.Body, gone, unknown) != want.Body ||
					!reflect.DeepEqual(got.Header, want.Header) {
					t.Errorf("roles %v, %s, %q:\ngot  %d %v %s\nwant %d %v %s", caller.Roles, method, headers, got.Code, got.Header, got.Body,
						want.Code, want.Header, want.Body)
				}
			}
		}
	}
}

func TestMenuEntriesIncludeInactiveProducts(t *testing.T) {
	h := newHarness(t)
	soup, inactive := h.addProduct(t, "Soup", 1), h.addProduct(t, "Gone", 1)
	if _, err := h.ChangeProduct(t.Context(), inactive.ID, Patch{Active: ptr(false)}); err != nil {
		t.Fatal(err)
	}
	query := url.Values{"id": {soup.ID, inactive.ID, uuid.NewString()}}
	got := servicetest.Decode[rest.List[MenuEntry]](t, h.Request(t, anonymous, "GET", "/menu?"+query.Encode(), "", servicetest.CalledBy("order")...), http.StatusOK)
	want := map[MenuEntry]bool{{soup.ID, "Soup", true}: true, {inactive.ID, "Gone", false}: true}
	if len(got.Items) != 2 || !want[got.Items[0]] || !want[got.Items[1]] {
		t.Errorf("got %+v, want %v", got, want)
	}
	if body := h.Request(t, anonymous, "GET", "/menu", "", servicetest.CalledBy("order")...).Body; strings.TrimSpace(body) != `{"items":[]}` {
		t.Errorf("no ids: got %s, want an empty list", body)
	}
	many := url.Values{}
	for i := range maxMenuIDs + 1 {
		many.Add("id", fmt.Sprintf("0d000000-0000-4000-8000-%012d", i))
	}
	for _, query := range []string{"id=1", many.Encode()} {
		wantProblem(t, h.Request(t, anonymous, "GET", "/menu?"+query, "", servicetest.CalledBy("order")...), http.StatusBadRequest)
	}
}

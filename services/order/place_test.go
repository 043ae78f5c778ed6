package main

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

func TestPlaceOrder(t *testing.T) {
	h := newHarness(t)
	response := h.Request(t, ana, "POST", "/orders",
		`{"notes":" ring ","deliveryAddress":{"street":"Calle 1","city":"León","postalCode":"24001","country":"es"},`+basket[1:])
	id := response.Text("id")
	want := fmt.Sprintf(`{"id":%q,"customerId":%q,"status":"PENDING",`+
		`"items":[{"productId":%q,"quantity":2},{"productId":%q,"quantity":1}],`+
		`"deliveryAddress":{"street":"Calle 1","city":"León","postalCode":"24001","country":"ES"},"notes":"ring","version":1,`+
		`"createdAt":"2026-11-23T12:00:00.123456Z","updatedAt":"2026-11-23T12:00:00.123456Z"}`, id, customerID, soup, bread)
	if got := strings.TrimSpace(response.Body); response.Code != http.StatusCreated || got != want {
		t.Errorf("got %d\n%s, want 201\n%s", response.Code, got, want)
	}
	if got := response.Header.Get("Location"); got != "/api/v1/orders/"+id {
		t.Errorf("got Location %q, want /api/v1/orders/%s", got, id)
	}
	placed := servicetest.Events(t, h.sidecar, "orders", event.OrderCreatedPending)
	if len(placed) != 1 || placed[0].OrderID != id || placed[0].Version != 1 || len(placed[0].Items) != 2 ||
		len(h.sidecar.All()) != 1 {
		t.Errorf("got %+v, want one event with 2 lines", h.sidecar.All())
	}
	if data := string(h.sidecar.All()[0].Data); strings.Contains(data, "Calle") || strings.Contains(data, "ring") {
		t.Errorf("got personal data in an event: %s", data)
	}
}

func TestRepeatedRequestReturnsTheFirstOrder(t *testing.T) {
	h := newHarness(t)
	key := []string{"Idempotency-Key", "k1"}
	first := h.Request(t, ana, "POST", "/orders", basket, key...)
	h.deliverReserved(t, first.Text("id"))
	h.product.response = `{"items":[]}` // no longer on the menu, which does not affect the order
	h.clock.Advance(menuCacheTime)
	respelled := strings.ReplaceAll(strings.ToUpper(basket), `"ITEMS"`, ` "items"`) // a space more, and the ids in upper case
	respelled = strings.NewReplacer("PRODUCTID", "productId", "QUANTITY", "quantity").Replace(respelled)
	again := h.Request(t, ana, "POST", "/orders", respelled, key...)
	if again.Header.Get("Location") == "" || again.Header.Get("Location") != first.Header.Get("Location") {
		t.Errorf("repeated: got Location %q, want that of the first answer, %q", again.Header.Get("Location"), first.Header.Get("Location"))
	}
	if again.Code != http.StatusOK || again.Text("id") != first.Text("id") || again.Text("status") != "CONFIRMED" {
		t.Errorf("got %d %s, want 200 with the first order, CONFIRMED", again.Code, again.Body)
	}
	other := h.Request(t, ana, "POST", "/orders", strings.Replace(basket, ":2", ":3", 1), key...)
	if other.Code != http.StatusUnprocessableEntity || other.Fields() != "Idempotency-Key" {
		t.Errorf("another body: got %d %s, want 422 for Idempotency-Key", other.Code, other.Body)
	}
	h.product.response = fmt.Sprintf(`{"items":[{"id":%q,"active":true},{"id":%q,"active":true}]}`, soup, bread)
	if ben := h.Request(t, ben, "POST", "/orders", basket, key...); ben.Code != http.StatusCreated ||
		ben.Text("id") == first.Text("id") {
		t.Errorf("same key from another customer: got %d %s, want 201 and another order", ben.Code, ben.Body)
	}
	if got := len(servicetest.Events(t, h.sidecar, "orders", event.OrderCreatedPending)); got != 2 {
		t.Errorf("got %d events, want 2", got)
	}
}

func TestConcurrentRepeatsCreateOneOrder(t *testing.T) {
	h := newHarness(t)
	codes, ids := make([]int, 8), make([]string, 8)
	var all sync.WaitGroup
	for i := range codes {
		all.Go(func() {
			response := h.Request(t, ana, "POST", "/orders", basket, "Idempotency-Key", "k1")
			codes[i], ids[i] = response.Code, response.Text("id")
		})
	}
	all.Wait()
	created := 0
	for i := range codes {
		if codes[i] == http.StatusCreated {
			created++
		} else if codes[i] != http.StatusOK {
			t.Errorf("got %d, want 201 or 200", codes[i])
		}
		if ids[i] != ids[0] {
			t.Errorf("got orders %s and %s, want one order", ids[i], ids[0])
		}
	}
	if created != 1 || len(h.sidecar.All()) != 1 {
		t.Errorf("got %d orders and %d events, want 1 and 1", created, len(h.sidecar.All()))
	}
}

func TestConcurrentRequestWithAnotherBodyIsRejected(t *testing.T) {
	h := newHarness(t)
	h.sidecar.BeforeNextWrite(func() { h.Request(t, ana, "POST", "/orders", basket, "Idempotency-Key", "k1") })
	other := h.Request(t, ana, "POST", "/orders", strings.Replace(basket, ":2", ":3", 1), "Idempotency-Key", "k1")
	if other.Code != http.StatusUnprocessableEntity || other.Fields() != "Idempotency-Key" {
		t.Errorf("got %d %s, want 422 for Idempotency-Key", other.Code, other.Body)
	}
}

func TestLostSidecarResponseCreatesOneOrder(t *testing.T) {
	h := newHarness(t)
	h.sidecar.LoseNextAnswer()
	response := h.Request(t, ana, "POST", "/orders", basket)
	if response.Code >= 300 || response.Text("status") != "PENDING" || len(h.sidecar.All()) != 1 {
		t.Errorf("got %d %s and %d events, want a PENDING order and 1 event", response.Code, response.Body, len(h.sidecar.All()))
	}
}

func TestOrderIsCheckedAgainstTheMenu(t *testing.T) {
	h := newHarness(t)
	h.product.response = onlySoupActive
	response := h.Request(t, ana, "POST", "/orders", basket)
	if response.Code != http.StatusUnprocessableEntity || response.Fields() != "items[1].productId" || len(h.sidecar.All()) != 0 {
		t.Errorf("got %d %s, want 422 for items[1].productId and no event", response.Code, response.Body)
	}
	h.product.response = fmt.Sprintf(`{"items":[{"id":%q,"active":true}]}`, soup)
	if unknown := h.Request(t, ana, "POST", "/orders", basket); unknown.Body != response.Body {
		t.Errorf("unknown product: got %s, want the answer for an inactive one, %s", unknown.Body, response.Body)
	}
	for name, breakProduct := range map[string]func(*fakeProduct){
		"product is unavailable":  func(p *fakeProduct) { p.err = errors.New("refused") },
		"product does not answer": func(p *fakeProduct) { p.hangs = true },
		"product sends no JSON":   func(p *fakeProduct) { p.response = "<html>" },
	} {
		h := newHarness(t)
		breakProduct(h.product)
		if response := h.Request(t, ana, "POST", "/orders", basket); response.Code != http.StatusCreated {
			t.Errorf("%s: got %d %s, want 201", name, response.Code, response.Body)
		}
	}
}

func TestPlaceOrderRejectsInvalidRequests(t *testing.T) {
	h := newHarness(t)
	for name, tc := range map[string]struct {
		caller  servicetest.Person
		body    string
		headers []string
		code    int
		fields  string
	}{
		"anonymous":        {anonymous, basket, nil, 401, ""},
		"not a customer":   {admin, basket, nil, 403, ""},
		"invalid JSON":     {ana, `{`, nil, 400, ""},
		"an empty key":     {ana, basket, []string{"Idempotency-Key", ""}, 400, ""},
		"an unknown field": {ana, `{"items":[],"total":1}`, nil, 422, "total"},
		"wrong values": {ana, `{"items":[{"productId":"x","quantity":0}],"notes":"\u001b"}`, nil, 422,
			"items[0].productId items[0].quantity notes"},
		"empty object": {ana, `{}`, nil, 422, "items"},
	} {
		response := h.Request(t, tc.caller, "POST", "/orders", tc.body, tc.headers...)
		if response.Code != tc.code || response.Fields() != tc.fields {
			t.Errorf("%s: got %d %s, want %d for fields %q", name, response.Code, response.Body, tc.code, tc.fields)
		}
	}
	h.sidecar.Away(true)
	if response := h.Request(t, ana, "POST", "/orders", basket); response.Code != 503 || response.Header.Get("Retry-After") == "" {
		t.Errorf("sidecar unavailable: got %d %s, want 503 with Retry-After", response.Code, response.Body)
	}
}

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

func TestPlacing(t *testing.T) {
	h := newHarness(t)
	answer := h.request(ana, "POST", "/orders", `{"notes":" ring ","deliveryAddress":{"street":"Calle 1","city":"León","postalCode":"24001","country":"es"},`+basket[1:])
	id := answer.text("id")
	want := fmt.Sprintf(`{"id":%q,"customerId":%q,"status":"PENDING","items":[{"productId":%q,"quantity":2},{"productId":%q,"quantity":1}],`+
		`"deliveryAddress":{"street":"Calle 1","city":"León","postalCode":"24001","country":"ES"},"notes":"ring","version":1,`+
		`"createdAt":"2026-11-23T12:00:00.123456Z","updatedAt":"2026-11-23T12:00:00.123456Z"}`, id, customerID, soup, bread)
	if got := strings.TrimSpace(answer.Body.String()); answer.Code != http.StatusCreated || got != want {
		t.Errorf("answers %d\n%s, want\n%s", answer.Code, got, want)
	}
	if got := answer.Header().Get("Location"); got != "/api/v1/orders/"+id {
		t.Errorf("Location is %q", got)
	}
	asked := servicetest.Events(t, h.sidecar, "orders", event.OrderCreatedPending)
	if len(asked) != 1 || asked[0].OrderID != id || asked[0].Version != 1 || len(asked[0].Items) != 2 || len(h.sidecar.All()) != 1 {
		t.Errorf("announced %+v", h.sidecar.All())
	}
	if data := string(h.sidecar.All()[0].Data); strings.Contains(data, "Calle") || strings.Contains(data, "ring") {
		t.Errorf("personal data on a topic: %s", data)
	}
}

func TestTheSameRequestAgain(t *testing.T) {
	h := newHarness(t)
	key := []string{"Idempotency-Key", "k1"}
	first := h.request(ana, "POST", "/orders", basket, key...)
	h.deliverReserved(first.text("id"))
	h.product.answer = `{"items":[]}` // off the menu by now: the order stands
	h.advanceClock(menuCacheTime)
	spaced := strings.ReplaceAll(strings.ToUpper(basket), `"ITEMS"`, ` "items"`)
	spaced = strings.NewReplacer("PRODUCTID", "productId", "QUANTITY", "quantity").Replace(spaced)
	again := h.request(ana, "POST", "/orders", spaced, key...)
	if again.Code != http.StatusOK || again.text("id") != first.text("id") || again.text("status") != "CONFIRMED" {
		t.Errorf("answers %d %s", again.Code, again.Body)
	}
	other := h.request(ana, "POST", "/orders", strings.Replace(basket, ":2", ":3", 1), key...)
	if other.Code != http.StatusUnprocessableEntity || other.fields() != "Idempotency-Key" {
		t.Errorf("another body answers %d %s", other.Code, other.Body)
	}
	h.product.answer = fmt.Sprintf(`{"items":[{"id":%q,"active":true},{"id":%q,"active":true}]}`, soup, bread)
	if ben := h.request(ben, "POST", "/orders", basket, key...); ben.Code != http.StatusCreated || ben.text("id") == first.text("id") {
		t.Errorf("another customer with the same key answers %d %s", ben.Code, ben.Body)
	}
	if got := len(servicetest.Events(t, h.sidecar, "orders", event.OrderCreatedPending)); got != 2 {
		t.Errorf("%d announced", got)
	}
}

func TestARaceEndsInOneOrder(t *testing.T) {
	h := newHarness(t)
	codes, ids := make([]int, 8), make([]string, 8)
	var all sync.WaitGroup
	for i := range codes {
		all.Go(func() {
			answer := h.request(ana, "POST", "/orders", basket, "Idempotency-Key", "k1")
			codes[i], ids[i] = answer.Code, answer.text("id")
		})
	}
	all.Wait()
	created := 0
	for i := range codes {
		if codes[i] == http.StatusCreated {
			created++
		} else if codes[i] != http.StatusOK {
			t.Errorf("answers %d", codes[i])
		}
		if ids[i] != ids[0] {
			t.Errorf("two orders: %s, %s", ids[i], ids[0])
		}
	}
	if created != 1 || len(h.sidecar.All()) != 1 {
		t.Errorf("created %d times, announced %d times", created, len(h.sidecar.All()))
	}
}

func TestALostRaceWithAnotherBody(t *testing.T) {
	h := newHarness(t)
	h.sidecar.BeforeNextWrite(func() { h.request(ana, "POST", "/orders", basket, "Idempotency-Key", "k1") })
	other := h.request(ana, "POST", "/orders", strings.Replace(basket, ":2", ":3", 1), "Idempotency-Key", "k1")
	if other.Code != http.StatusUnprocessableEntity || other.fields() != "Idempotency-Key" {
		t.Errorf("answers %d %s", other.Code, other.Body)
	}
}

func TestAnOrderWhoseAnswerWasLost(t *testing.T) {
	h := newHarness(t)
	h.sidecar.LoseNextAnswer()
	answer := h.request(ana, "POST", "/orders", basket)
	if answer.Code >= 300 || answer.text("status") != "PENDING" || len(h.sidecar.All()) != 1 {
		t.Errorf("answers %d %s, announced %d times", answer.Code, answer.Body, len(h.sidecar.All()))
	}
}

func TestTheMenuIsAskedFirst(t *testing.T) {
	h := newHarness(t)
	h.product.answer = onlySoupActive
	answer := h.request(ana, "POST", "/orders", basket)
	if answer.Code != http.StatusUnprocessableEntity || answer.fields() != "items[1].productId" || len(h.sidecar.All()) != 0 {
		t.Errorf("answers %d %s", answer.Code, answer.Body)
	}
	for name, spoil := range map[string]func(*fakeProduct){
		"product is away":    func(k *fakeProduct) { k.err = errors.New("refused") },
		"product hangs":      func(k *fakeProduct) { k.hangs = true },
		"product is in ruin": func(k *fakeProduct) { k.answer = "<html>" },
	} {
		h := newHarness(t)
		spoil(h.product)
		if answer := h.request(ana, "POST", "/orders", basket); answer.Code != http.StatusCreated {
			t.Errorf("%s: answers %d %s", name, answer.Code, answer.Body)
		}
	}
}

func TestPlacingRefuses(t *testing.T) {
	h := newHarness(t)
	for name, tc := range map[string]struct {
		who     person
		body    string
		headers []string
		code    int
		fields  string
	}{
		"nobody":           {person{}, basket, nil, 401, ""},
		"no customer":      {admin, basket, nil, 403, ""},
		"no JSON":          {ana, `{`, nil, 400, ""},
		"an empty key":     {ana, basket, []string{"Idempotency-Key", ""}, 400, ""},
		"an unknown field": {ana, `{"items":[],"total":1}`, nil, 422, "total"},
		"wrong values":     {ana, `{"items":[{"productId":"x","quantity":0}],"notes":"\u001b"}`, nil, 422, "items[0].productId items[0].quantity notes"},
		"nothing":          {ana, `{}`, nil, 422, "items"},
	} {
		answer := h.request(tc.who, "POST", "/orders", tc.body, tc.headers...)
		if answer.Code != tc.code || answer.fields() != tc.fields {
			t.Errorf("%s: answers %d %s", name, answer.Code, answer.Body)
		}
	}
	h.sidecar.Away(true)
	if answer := h.request(ana, "POST", "/orders", basket); answer.Code != 503 || answer.Header().Get("Retry-After") == "" {
		t.Errorf("the sidecar is away: answers %d %s", answer.Code, answer.Body)
	}
}

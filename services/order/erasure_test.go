package main

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
)

const personalBasket = `{"items":[{"productId":"` + soup + `","quantity":2},{"productId":"` + bread + `","quantity":1}],
	"notes":"ring twice","deliveryAddress":{"street":"Calle Mayor 1","city":"Madrid","postalCode":"28013","country":"ES"}}`

// placePersonalOrder places an order with an address and notes, and returns its id.
func (h *harness) placePersonalOrder(t *testing.T, p servicetest.Person) string {
	t.Helper()
	response := h.Request(t, p, "POST", "/orders", personalBasket)
	if response.Code != http.StatusCreated {
		t.Fatalf("place an order: got %d: %s, want 201", response.Code, response.Body)
	}
	return response.Text("id")
}

// deliverErasure delivers auth's request to erase a customer.
func (h *harness) deliverErasure(t *testing.T, id string) {
	t.Helper()
	if got := servicetest.Deliver(t, h.API, event.DeletingUser, event.UserToErase{UserID: id, Version: 3}); got != "SUCCESS" {
		t.Fatalf("deleting.user: got %s, want SUCCESS", got)
	}
}

// stored returns the document of an order as it is stored.
func (h *harness) stored(t *testing.T, id string) (document string) {
	t.Helper()
	if err := h.pool.QueryRow(t.Context(), `select convert_from(value, 'UTF8') from state where key = $1`,
		"order-"+id).Scan(&document); err != nil {
		t.Fatal(err)
	}
	return document
}

// wantNoPerson checks that nothing personal is stored with an order.
func (h *harness) wantNoPerson(t *testing.T, id string) {
	t.Helper()
	document := h.stored(t, id)
	for _, personal := range []string{"Mayor", "Madrid", "ring twice", "allergic", `"fingerprint":"0`, "deliveryAddress"} {
		if strings.Contains(document, personal) {
			t.Errorf("order %s contains %q: %s", id, personal, document)
		}
	}
	order, err := h.service.orders.Get(t.Context(), id)
	if err != nil || order.Fingerprint != "" {
		t.Errorf("order %s: got fingerprint %q, %v, want none", id, order.Fingerprint, err)
	}
	for _, change := range order.History {
		if change.Cause.Request != nil && change.Cause.Request.Fingerprint != "" {
			t.Errorf("order %s: the change to %s has a fingerprint", id, change.Status)
		}
	}
}

func TestErasureRemovesThePersonFromFinalOrders(t *testing.T) {
	h := newHarness(t)
	cancelled, rejected, delivered := h.placePersonalOrder(t, ana), h.placePersonalOrder(t, ana), h.placePersonalOrder(t, ana)
	byStaff, bens := h.placePersonalOrder(t, ana), h.placePersonalOrder(t, ben)
	h.Request(t, ana, "POST", "/orders/"+cancelled+"/cancel", `{"reason":"I am allergic"}`)
	h.Request(t, cook, "POST", "/orders/"+byStaff+"/cancel", `{"reason":"Ana is allergic"}`)
	h.deliverFailed(t, rejected)
	h.deliverFailed(t, bens)
	h.deliverReserved(t, delivered)
	for _, step := range []string{"PREPARING", "READY", "OUT_FOR_DELIVERY", "DELIVERED"} {
		h.Request(t, cook, "POST", "/orders/"+delivered+"/status", `{"status":"`+step+`"}`)
	}
	tag := h.Request(t, ana, "GET", "/orders/"+cancelled, "").Header.Get("ETag")
	_, before := h.countEvents(t)
	h.deliverErasure(t, ana.ID)
	h.deliverErasure(t, ana.ID) // delivered twice: answered twice
	for _, id := range []string{cancelled, rejected, delivered, byStaff} {
		h.wantNoPerson(t, id)
	}
	if got := h.stored(t, bens); !strings.Contains(got, "Mayor") || !strings.Contains(got, "ring twice") {
		t.Errorf("the order of another customer lost its address: %s", got)
	}
	answers := servicetest.Events(t, h.sidecar, "orders", event.DeletingUserResponse)
	want := event.UserErasure{UserID: ana.ID, Version: 3, Service: "order", Outcome: event.UserErased}
	if len(answers) != 2 || answers[0] != want || answers[1] != want {
		t.Errorf("got answers %+v, want %+v twice", answers, want)
	}
	if _, after := h.countEvents(t); after != before {
		t.Errorf("got %d events of order.status.changed, want %d: no status changed", after, before)
	}
	got := h.Request(t, cook, "GET", "/orders/"+rejected, "")
	if got.Text("reason") != "insufficient_stock" || got.Text("customerId") != ana.ID || got.Members["version"] != 2.0 {
		t.Errorf("got %s, want the reason, the customer's id and the version as before", got.Body)
	}
	for id, code := range map[string]string{cancelled: "customer", byStaff: "staff"} {
		if got := h.Request(t, cook, "GET", "/orders/"+id, ""); got.Text("reasonCode") != code || got.Text("reason") != "" {
			t.Errorf("got %s, want the reason code %s without the text", got.Body, code)
		}
	}
	if now := h.Request(t, ana, "GET", "/orders/"+cancelled, "").Header.Get("ETag"); now == tag {
		t.Errorf("the ETag %s stays the same although the order looks different", tag)
	}
}

// The kitchen needs the address of an open order. The write that ends the order removes the person, also from its event.
func TestOpenOrderLosesThePersonWhenItEnds(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *harness, string){
		"rejected": func(t *testing.T, h *harness, id string) { h.deliverFailed(t, id) },
		"cancelled by the customer": func(t *testing.T, h *harness, id string) {
			for range 2 { // the sidecar repeats a request
				got := h.Request(t, ana, "POST", "/orders/"+id+"/cancel", `{"reason":"I am allergic"}`, "Idempotency-Key", "k")
				if got.Code != http.StatusOK {
					t.Errorf("cancel: got %d %s, want 200", got.Code, got.Body)
				}
			}
		},
		"cancelled by staff": func(t *testing.T, h *harness, id string) {
			h.Request(t, cook, "POST", "/orders/"+id+"/cancel", `{"reason":"allergic"}`)
		},
		"given up": func(t *testing.T, h *harness, _ string) {
			h.later(t, time.Hour)
			if err := h.service.recoverOrders(t.Context()); err != nil {
				t.Error(err)
			}
		},
		"delivered": func(t *testing.T, h *harness, id string) {
			h.deliverReserved(t, id)
			for _, step := range []string{"PREPARING", "READY", "OUT_FOR_DELIVERY", "DELIVERED"} {
				if got := h.stored(t, id); !strings.Contains(got, "Mayor") || !strings.Contains(got, "ring twice") {
					t.Errorf("before %s: the address is gone: %s", step, got)
				}
				h.Request(t, cook, "POST", "/orders/"+id+"/status", `{"status":"`+step+`"}`)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			id := h.placePersonalOrder(t, ana)
			h.deliverErasure(t, ana.ID)
			if got := h.stored(t, id); !strings.Contains(got, "Mayor") {
				t.Errorf("the open order has no address: %s", got)
			}
			end(t, h, id)
			h.wantNoPerson(t, id)
			changes := servicetest.Events(t, h.sidecar, "orders", event.OrderStatusChanged)
			for _, change := range changes {
				if strings.Contains(change.Reason, "allergic") {
					t.Errorf("the event has the reason: %+v", change)
				}
			}
			if len(changes) == 0 || !changes[len(changes)-1].Status.Final() {
				t.Errorf("got the events %+v, want the end of the order", changes)
			}
		})
	}
}

func TestErasedCustomerCannotOrder(t *testing.T) {
	h := newHarness(t)
	first := h.Request(t, ana, "POST", "/orders", basket, "Idempotency-Key", "k")
	h.deliverErasure(t, ana.ID)
	for _, key := range []string{"k", "another"} {
		if got := h.Request(t, ana, "POST", "/orders", basket, "Idempotency-Key", key); got.Code != http.StatusForbidden {
			t.Errorf("under key %s: got %d, want 403", key, got.Code)
		}
	}
	if got := h.Request(t, ana, "GET", "/orders/"+first.Text("id"), ""); got.Code != http.StatusOK {
		t.Errorf("GET of the own order: got %d, want 200", got.Code)
	}
	h.placeOrder(t, ben)
}

// The settlement finds an order that was checked just before the customer was erased.
func TestSettlementFindsAnOrderThatRacedWithTheErasure(t *testing.T) {
	h := newHarness(t)
	h.sidecar.BeforeNextWrite(func() { h.deliverErasure(t, ana.ID) }) // after the check, before the order is written
	id := h.placePersonalOrder(t, ana)
	h.Request(t, ana, "POST", "/orders/"+id+"/cancel", `{"reason":"allergic"}`)
	settle := func(later time.Duration) {
		t.Helper()
		h.clock.Advance(later)
		if err := h.service.settleErasures(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	settle(settleAfter - time.Second)
	if got := h.stored(t, id); !strings.Contains(got, "Mayor") {
		t.Fatalf("before the settlement is due: got %s, want the address: the test does not race", got)
	}
	settle(time.Second)
	h.wantNoPerson(t, id)
	erasure, err := h.service.erasures.Get(t.Context(), ana.ID)
	if err != nil || !erasure.SettledAt.Equal(h.clock.Now()) {
		t.Errorf("got %+v, %v, want it settled now", erasure, err)
	}
	settle(time.Hour) // it is not settled again
	if again, err := h.service.erasures.Get(t.Context(), ana.ID); err != nil || again != erasure {
		t.Errorf("got %+v, %v, want %+v", again, err, erasure)
	}
}

// An erasure that fails half-way is retried and continues. An erasure without a valid customer id is a dead letter.
func TestErasureIsRetried(t *testing.T) {
	h := newHarness(t)
	for range 3 {
		h.Request(t, ana, "POST", "/orders/"+h.placePersonalOrder(t, ana)+"/cancel", "")
	}
	h.sidecar.Away(true)
	if got := servicetest.Deliver(t, h.API, event.DeletingUser, event.UserToErase{UserID: ana.ID, Version: 3}); got != "RETRY" {
		t.Errorf("without a sidecar: got %s, want RETRY", got)
	}
	h.sidecar.Away(false)
	h.sidecar.BeforeNextWrite(func() {
		h.sidecar.BeforeNextWrite(func() { h.sidecar.LoseNextAnswer() }) // of the first order; the write succeeds
	})
	h.deliverErasure(t, ana.ID)
	found, err := h.service.lists.WithPerson(context.Background(), ana.ID, waitingItem{}, 10)
	if err != nil || len(found) != 0 {
		t.Errorf("got orders %+v with the person, %v, want none", found, err)
	}
	if got := servicetest.Deliver(t, h.API, event.DeletingUser, event.UserToErase{UserID: "x"}); got != "DROP" {
		t.Errorf("a bad id: got %s, want DROP", got)
	}
}

func TestExportHasOnlyTheOwnOrders(t *testing.T) {
	h := newHarness(t)
	first, second := h.placePersonalOrder(t, cook), h.placePersonalOrder(t, cook)
	h.placePersonalOrder(t, ana)
	page := h.Request(t, cook, "GET", "/export/orders?limit=1", "", servicetest.CalledBy("user")...) // staff list all orders, but export their own
	next := page.Text("nextCursor")
	got := page.Body + h.Request(t, cook, "GET", "/export/orders?limit=1&cursor="+next, "", servicetest.CalledBy("user")...).Body
	if next == "" || strings.Count(got, `"customerId":"`+cook.ID) != 2 || strings.Contains(got, ana.ID) ||
		!strings.Contains(got, first) || !strings.Contains(got, second) || !strings.Contains(got, "ring twice") {
		t.Errorf("got %s, want the two orders of the caller", got)
	}
}

func TestErasureDeletesTheDeadLettersOfTheCustomer(t *testing.T) {
	h := newHarness(t)
	if _, err := h.pool.Exec(t.Context(), `insert into dead_letters (id, topic, subject, reason, attempts, payload)
		select gen_random_uuid(), 'deleting.user', subject, 'x', 1, '' from unnest($1::text[]) as subject`, []string{ana.ID, ben.ID}); err != nil {
		t.Fatal(err)
	}
	h.deliverErasure(t, ana.ID)
	var left string
	if err := h.pool.QueryRow(t.Context(), `select string_agg(subject, ' ') from dead_letters`).Scan(&left); err != nil || left != ben.ID {
		t.Errorf("got the dead letters of %s, %v, want that of %s", left, err, ben.ID)
	}
}

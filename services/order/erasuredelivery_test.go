package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"comanda/services/event"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

// deleting.user may be delivered several times, late, between new orders of the customer, outcomes and steps of the kitchen, and its
// handler may crash between any two steps. Afterwards no order that has ended has anything of the person, an open one loses it when it
// ends, and the customer cannot order.
func TestErasuresInAnySequenceLeaveNoPerson(t *testing.T) {
	h := newHarness(t)
	servicetest.CheckProperty(t, func(r *rapid.T) {
		person := servicetest.Person{ID: uuid.NewString(), Roles: []string{token.Customer}}
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"place", "reserve", "fail", "cancel", "prepare", "erase"}), 2, 10).Draw(r, "steps")
		steps = append(steps, "erase")
		var orders []string
		erased := false
		for n := 0; len(steps) > 0; n++ {
			if n == servicetest.MaxDeliveries {
				r.Fatalf("the erasure is retried without end")
			}
			next := steps[0]
			steps = steps[1:]
			switch next {
			case "place":
				// 403 is right before erased, too: an interrupted delivery may already have written the erasure.
				response := h.Request(t, person, "POST", "/orders", personalBasket)
				if want := map[bool]int{false: http.StatusCreated, true: http.StatusForbidden}[erased]; response.Code != want && (erased || response.Code != 403) {
					r.Fatalf("place an order, erased %t: got %d, want %d", erased, response.Code, want)
				}
				if response.Code == http.StatusCreated {
					orders = append(orders, response.Text("id"))
				}
			case "erase":
				again := h.sidecar.Interrupt(servicetest.Interruptions().Draw(r, "interruption"))
				result := servicetest.Deliver(t, h.API, event.DeletingUser, event.UserToErase{UserID: person.ID, Version: 3})
				if result != "SUCCESS" && result != "RETRY" {
					r.Fatalf("deleting.user: got %s, want SUCCESS or RETRY", result)
				}
				if erased = erased || result == "SUCCESS"; again(result) {
					steps = append(steps, "erase")
				}
			default:
				if len(orders) > 0 {
					h.change(t, orders[rapid.IntRange(0, len(orders)-1).Draw(r, "order")], next)
				}
			}
		}
		h.checkNoPerson(t, r, orders)
		for _, id := range orders {
			h.Request(t, cook, "POST", "/orders/"+id+"/cancel", `{"reason":"Ana is allergic"}`)
		}
		if h.checkNoPerson(t, r, orders); h.erasureAnswers(t, person.ID) == 0 {
			r.Fatalf("the erasure was never answered")
		}
	})
}

// change makes one change of an order, if it is possible now.
func (h *harness) change(t *testing.T, id, step string) {
	t.Helper()
	switch step {
	case "reserve":
		h.deliverReserved(t, id)
	case "fail":
		h.deliverFailed(t, id)
	case "cancel":
		h.Request(t, cook, "POST", "/orders/"+id+"/cancel", `{"reason":"Ana is allergic"}`)
	case "prepare":
		h.Request(t, cook, "POST", "/orders/"+id+"/status", `{"status":"PREPARING"}`)
	}
}

// checkNoPerson checks that every order is marked to lose the person, and that the orders that have ended have lost the person.
func (h *harness) checkNoPerson(t *testing.T, r *rapid.T, orders []string) {
	for _, id := range orders {
		order, err := h.service.orders.Get(t.Context(), id)
		if err != nil || !order.PersonErased {
			r.Fatalf("order %s: got %+v, %v, want that the person is removed", id, order, err)
		}
		document := h.stored(t, id)
		for _, personal := range []string{"Mayor", "Madrid", "ring twice", "allergic", "deliveryAddress"} {
			if order.Status.Final() && strings.Contains(document, personal) {
				r.Fatalf("order %s is %s and contains %q: %s", id, order.Status, personal, document)
			}
		}
	}
}

func (h *harness) erasureAnswers(t *testing.T, id string) (count int) {
	t.Helper()
	for _, answer := range servicetest.Events(t, h.sidecar, "orders", event.DeletingUserResponse) {
		if answer == (event.UserErasure{UserID: id, Version: 3, Service: "order", Outcome: event.UserErased}) {
			count++
		}
	}
	return count
}

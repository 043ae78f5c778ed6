package main

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

const (
	customerID = "7b8f4a52-58f7-4c0e-9d51-0c1f1a3f0001"
	staffID    = "7b8f4a52-58f7-4c0e-9d51-0c1f1a3f0002"
	soup       = "0f6d1f6e-6a53-4a5e-8f5a-000000000001"
	bread      = "0f6d1f6e-6a53-4a5e-8f5a-000000000002"
	someOrder  = "51c3a1de-5f4a-4e0f-a8f5-000000000009"
)

var (
	noon       = time.Date(2026, 11, 23, 12, 0, 0, 123456000, time.UTC)
	owner      = Caller{ID: customerID, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736"}
	waiter     = Caller{ID: staffID, Staff: true}
	anEvent    = Cause{Kind: "event", ID: "outbox-1"}
	anIdentity = RequestIdentity{"a key", "a fingerprint"}
	twoSoups   = Placement{Items: []PlacementLine{{soup, 2}, {bread, 1}}}
)

// reservedStock is the event that confirms someOrder.
func reservedStock() event.StockReserved {
	return event.StockReserved{
		OrderID: someOrder, Version: 1, Currency: "EUR", TotalCents: 1850,
		Items: []event.ReservedLine{ // in another sequence than the order's lines
			{ProductID: bread, Quantity: 1, Name: "Bread", UnitPriceCents: 250, LineTotalCents: 250},
			{ProductID: soup, Quantity: 2, Name: "Soup", UnitPriceCents: 800, LineTotalCents: 1600},
		},
	}
}

// failedStock is the event that rejects someOrder.
func failedStock() event.StockFailed {
	return event.StockFailed{
		OrderID: someOrder, Version: 1, Reason: event.ReasonInsufficientStock,
		Shortages: []event.Shortage{{ProductID: soup, Requested: 2, Available: 1}},
	}
}

// orderIn returns an order that reached state through the usual steps.
func orderIn(t *testing.T, state event.Status) Order {
	t.Helper()
	order := Place(someOrder, twoSoups, "f", Limits{}, owner, noon)
	must := func(changed bool, err error) {
		if err != nil || !changed {
			t.Fatalf("on the way to %s: got changed %t, %v, want a change", state, changed, err)
		}
	}
	switch state {
	case event.StatusPending:
	case event.StatusRejected:
		must(order.Reject(failedStock(), anEvent, noon))
	case event.StatusCancelled:
		must(order.Cancel("", owner, anIdentity, noon))
	default:
		must(order.Confirm(reservedStock(), anEvent, noon))
		for _, step := range []event.Status{event.StatusPreparing, event.StatusReady, event.StatusOutForDelivery,
			event.StatusDelivered} {
			if order.Status != state {
				must(order.Advance(step, waiter, anIdentity, noon))
			}
		}
	}
	return order
}

// actions lists every action that changes an order's status.
var actions = map[string]func(*Order) (bool, error){
	"confirm":         func(o *Order) (bool, error) { return o.Confirm(reservedStock(), anEvent, noon) },
	"reject":          func(o *Order) (bool, error) { return o.Reject(failedStock(), anEvent, noon) },
	"cancel by owner": func(o *Order) (bool, error) { return o.Cancel("changed my mind", owner, anIdentity, noon) },
	"cancel by staff": func(o *Order) (bool, error) { return o.Cancel("kitchen on fire", waiter, anIdentity, noon) },
	"give up":         func(o *Order) (bool, error) { return o.GiveUp(noon), nil },
	"expire":          func(o *Order) (bool, error) { return o.Expire(noon), nil },
	"cancel released": func(o *Order) (bool, error) {
		_, changed := o.cancelReleased(&service{now: func() time.Time { return noon }})
		return changed, nil
	},
	"PREPARING":        func(o *Order) (bool, error) { return o.Advance(event.StatusPreparing, waiter, anIdentity, noon) },
	"READY":            func(o *Order) (bool, error) { return o.Advance(event.StatusReady, waiter, anIdentity, noon) },
	"OUT_FOR_DELIVERY": func(o *Order) (bool, error) { return o.Advance(event.StatusOutForDelivery, waiter, anIdentity, noon) },
	"DELIVERED":        func(o *Order) (bool, error) { return o.Advance(event.StatusDelivered, waiter, anIdentity, noon) },
}

// TestEveryActionInEveryStatus applies each action in each status. A combination that is not in the table changes nothing and
// returns no error.
func TestEveryActionInEveryStatus(t *testing.T) {
	const conflict, contradiction = "409", "dead letter"
	results := map[event.Status]map[string]string{
		event.StatusPending: {
			"confirm": "CONFIRMED", "reject": "REJECTED", "cancel by owner": "CANCELLED", "cancel by staff": "CANCELLED",
			"give up": "CANCELLED", "PREPARING": conflict, "READY": conflict, "OUT_FOR_DELIVERY": conflict, "DELIVERED": conflict,
		},
		event.StatusConfirmed: {
			"reject": contradiction, "cancel by owner": "CANCELLED", "cancel by staff": "CANCELLED",
			"expire": "CANCELLED", "cancel released": "CANCELLED",
			"PREPARING": "PREPARING", "READY": conflict, "OUT_FOR_DELIVERY": conflict, "DELIVERED": conflict,
		},
		event.StatusPreparing: {
			"reject": contradiction, "cancel by owner": conflict, "cancel by staff": "CANCELLED", "cancel released": "CANCELLED",
			"READY": "READY", "OUT_FOR_DELIVERY": conflict, "DELIVERED": conflict,
		},
		event.StatusReady: {
			"reject": contradiction, "cancel by owner": conflict, "cancel by staff": "CANCELLED", "cancel released": "CANCELLED",
			"PREPARING": conflict, "OUT_FOR_DELIVERY": "OUT_FOR_DELIVERY", "DELIVERED": conflict,
		},
		event.StatusOutForDelivery: {
			"reject": contradiction, "cancel by owner": conflict, "cancel by staff": conflict,
			"PREPARING": conflict, "READY": conflict, "DELIVERED": "DELIVERED",
		},
		event.StatusDelivered: {
			"reject": contradiction, "cancel by owner": conflict, "cancel by staff": conflict,
			"PREPARING": conflict, "READY": conflict, "OUT_FOR_DELIVERY": conflict,
		},
		event.StatusRejected: {
			"confirm": contradiction, "cancel by owner": conflict, "cancel by staff": conflict,
			"PREPARING": conflict, "READY": conflict, "OUT_FOR_DELIVERY": conflict, "DELIVERED": conflict,
		},
		event.StatusCancelled: {
			"PREPARING": conflict, "READY": conflict, "OUT_FOR_DELIVERY": conflict, "DELIVERED": conflict,
		},
	}
	for _, state := range statuses() {
		for name, action := range actions {
			order := orderIn(t, state)
			before := order
			changed, err := action(&order)
			got := ""
			switch {
			case fault.Is(err, fault.KindConflict):
				got = conflict
			case errors.Is(err, errContradiction):
				got = contradiction
			case err != nil:
				t.Errorf("%s, %s: got %v, want no error", state, name, err)
			case changed:
				got = string(order.Status)
			}
			if want := results[state][name]; got != want {
				t.Errorf("%s, %s: got %q, want %q", state, name, got, want)
			}
			if !changed && (order.Status != before.Status || order.Version != before.Version ||
				len(order.History) != len(before.History)) {
				t.Errorf("%s, %s: reported no change, but got %+v, want it unchanged", state, name, order)
			}
			if changed && (order.Version != before.Version+1 || len(order.History) != order.Version) {
				t.Errorf("%s, %s: got version %d after %d with %d entries, want one more of each", state, name, order.Version, before.Version,
					len(order.History))
			}
		}
	}
}

func TestAdvanceRejectsOtherStatuses(t *testing.T) {
	for _, step := range []event.Status{"", "preparing", event.StatusPending, event.StatusConfirmed, event.StatusRejected,
		event.StatusCancelled} {
		for _, state := range statuses() {
			order := orderIn(t, state)
			if _, err := order.Advance(step, waiter, anIdentity, noon); !fault.Is(err, fault.KindInvalid) {
				t.Errorf("%s to %q: got %v, want an invalid request", state, step, err)
			}
		}
	}
}

func TestHistoryRecordsEveryChange(t *testing.T) {
	order := orderIn(t, event.StatusPreparing)
	early := noon.Add(-time.Minute) // another replica's clock
	if _, err := order.Cancel("kitchen on fire", waiter, anIdentity, early); err != nil {
		t.Fatal(err)
	}
	want := []Change{
		{1, event.StatusPending, "", Actor{"customer", customerID}, Cause{Kind: "request", ID: owner.TraceID}, noon},
		{2, event.StatusConfirmed, "", Actor{"product", ""}, anEvent, noon},
		{3, event.StatusPreparing, "", Actor{"staff", staffID}, Cause{Kind: "request", Request: &anIdentity}, noon},
		{4, event.StatusCancelled, "kitchen on fire", Actor{"staff", staffID}, Cause{Kind: "request", Request: &anIdentity}, noon},
	}
	if diff := cmp.Diff(want, order.History); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if order.Version != 4 || order.Reason != "kitchen on fire" || order.Total == nil || order.UpdatedAt != noon {
		t.Errorf("got %+v, want version 4 with reason, total and no earlier time", order)
	}
}

func TestStaffCancelTheirOwnOrdersAsCustomers(t *testing.T) {
	order := Place(someOrder, twoSoups, "f", Limits{}, waiter, noon)
	if _, err := order.Cancel("", waiter, anIdentity, noon); err != nil || order.History[1].Actor != (Actor{"customer", staffID}) {
		t.Fatalf("got %+v, %v, want a change by the customer", order.History, err)
	}
}

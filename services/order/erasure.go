package main

import (
	"time"

	"comanda/services/event"
)

// Erasure is the document of an erased customer, under the customer's id. While it exists, placeOrder refuses new orders of the customer.
type Erasure struct {
	CustomerID string    `json:"customerId"`
	BegunAt    time.Time `json:"begunAt"`
	// SettledAt is when the orders were searched once more: an order that was checked just before the erasure existed is found then.
	SettledAt time.Time `json:"settledAt,omitzero"`
}

// settleAfter is the age at which an erasure is settled: longer than a request can take.
const settleAfter = time.Minute

// RemovePerson removes the customer from the order: at once from a final order, and from another one when it ends, because the
// kitchen and the courier need the address until then. It reports whether anything changed.
func (o *Order) RemovePerson(at time.Time) bool {
	if o.PersonErased {
		return false
	}
	o.PersonErased = true
	if o.Status.Final() {
		o.clearPerson()
		if at.After(o.UpdatedAt) {
			o.UpdatedAt = at
		}
	}
	return true
}

// clearPerson removes the address, the notes, the text that people typed as the reason of a cancellation, and the customer's id as an
// actor. Reason codes of product and of the recovery stay. It also removes the fingerprints, because short texts can be guessed from
// their hash. The id in CustomerID stays.
func (o *Order) clearPerson() {
	o.DeliveryAddress, o.Notes, o.Fingerprint = nil, "", ""
	for i := range o.History {
		change := &o.History[i]
		if change.Status == event.StatusCancelled && (change.Actor.Role == "customer" || change.Actor.Role == "staff") {
			change.Reason, o.Reason = "", ""
		}
		if change.Cause.Request != nil {
			change.Cause.Request = &RequestIdentity{Key: change.Cause.Request.Key}
		}
		if change.Actor.ID == o.CustomerID {
			change.Actor.ID = ""
		}
	}
}

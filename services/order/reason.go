package main

import (
	"slices"

	"comanda/services/event"
)

// rejectionReasons are the reason codes with which product rejects an order.
var rejectionReasons = []string{event.ReasonInsufficientStock, event.ReasonMixedCurrencies, event.ReasonPriceChanged}

// cancellationReasons are the reason codes of cancellations that no person asked for.
var cancellationReasons = []string{event.ReasonTimedOut, event.ReasonNotStarted, event.ReasonReleased}

// ReasonCode returns the code of the reason for which the order was rejected or cancelled, from a closed list, and "" in every other
// status. Events and streams carry only this code. A person's own text stays in the document, because every consumer of a topic could
// read it, and topics keep it.
func (c Change) ReasonCode() string {
	switch {
	case c.Status == event.StatusRejected && slices.Contains(rejectionReasons, c.Reason):
		return c.Reason
	case c.Status == event.StatusRejected:
		return event.ReasonOther
	case c.Status != event.StatusCancelled:
		return ""
	}
	switch c.Actor.Role {
	case "customer":
		return event.ReasonCustomer
	case "staff":
		return event.ReasonStaff
	}
	if slices.Contains(cancellationReasons, c.Reason) {
		return c.Reason
	}
	return event.ReasonOther
}

// reasonCode returns the code of the order's last change.
func (o *Order) reasonCode() string {
	if len(o.History) == 0 {
		return ""
	}
	return o.History[len(o.History)-1].ReasonCode()
}

package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"comanda/services/event"
	"comanda/services/internal/fault"
	"comanda/services/internal/timeline"
)

// Order is the aggregate, and its document in the state store.
type Order struct {
	ID              string           `json:"id"`
	CustomerID      string           `json:"customerId"`
	Status          event.Status     `json:"status"`
	Items           []Line           `json:"items"`
	*Total                           // set from CONFIRMED on
	DeliveryAddress *event.Address   `json:"deliveryAddress,omitempty"`
	Notes           string           `json:"notes,omitempty"`
	Reason          string           `json:"reason,omitempty"` // a code, or the text of the person who cancelled
	Shortages       []event.Shortage `json:"shortages,omitempty"`
	Version         int              `json:"version"`
	CreatedAt       time.Time        `json:"createdAt"`
	UpdatedAt       time.Time        `json:"updatedAt"`

	Limits      Limits    `json:"limits,omitzero"` // under which it was placed
	Fingerprint string    `json:"fingerprint"`     // of the request that placed the order
	Traceparent string    `json:"trace,omitempty"` // of that request; recovery and reconciliation continue its trace
	AnnouncedAt time.Time `json:"announcedAt"`     // when order.created.pending was last published
	Announced   int       `json:"announced"`       // how many times it was published

	Recovered timeline.Trail `json:"recovered,omitempty"` // steps of recovery and reconciliation that change no status

	PersonErased bool     `json:"personErased,omitempty"` // the customer was erased; see clearPerson for a final order
	History      []Change `json:"history"`                // one entry per version, oldest first

	ExpectedTotalCents *int64 `json:"expectedTotalCents,omitempty"` // the highest total that the customer accepts
	ExpectedCurrency   string `json:"expectedCurrency,omitempty"`   // empty: any
}

// Line is one product of an order. It has a price from CONFIRMED on.
type Line struct {
	ProductID string `json:"productId"`
	Quantity  int    `json:"quantity"`
	*Price
}

// Price is a product's name and price at the time of the reservation.
type Price struct {
	Name           string `json:"name"`
	UnitPriceCents int64  `json:"unitPriceCents"`
	LineTotalCents int64  `json:"lineTotalCents"`
}

// Total is the price of the whole order.
type Total struct {
	Currency   string `json:"currency"` // ISO 4217
	TotalCents int64  `json:"totalCents"`
}

// Change is one entry of an order's history.
type Change struct {
	Version int          `json:"version"`
	Status  event.Status `json:"status"`
	Reason  string       `json:"reason,omitempty"`
	Actor   Actor        `json:"actor"`
	Cause   Cause        `json:"cause"`
	At      time.Time    `json:"at"`
}

// Actor identifies the author of a change. Role is customer, staff, product or recovery (also for the reconciliation). The last two have
// no id, and an erased customer has none in a final order.
type Actor struct {
	Role string `json:"role"`
	ID   string `json:"id,omitempty"`
}

// Cause is the trigger of a change: an event or the replay of one (with its id), a request (with its trace id) or a timer (of the recovery
// or the reconciliation).
type Cause struct {
	Kind    string           `json:"kind"`
	ID      string           `json:"id,omitempty"`
	Request *RequestIdentity `json:"request,omitempty"` // nil for the request that placed the order
	At      time.Time        `json:"at,omitzero"`       // when the event was made
}

// errContradiction means that product's outcome contradicts its earlier one. Product records one outcome of an order, so this is a bug, or
// product's database was restored from an older copy and product decided again. Stock may stay reserved for a rejected order, or an order
// may go on without stock: an operator has to check.
var errContradiction = errors.New("product's outcome contradicts its earlier outcome for this order")

// errMismatch means that product's outcome does not match the order.
var errMismatch = errors.New("product's outcome does not match the order")

// Place creates an order. It is PENDING until product reports an outcome.
func Place(id string, p Placement, fingerprint string, limits Limits, by Caller, at time.Time) Order {
	order := Order{
		ID: id, CustomerID: by.ID, DeliveryAddress: p.DeliveryAddress, Notes: p.Notes,
		CreatedAt: at, AnnouncedAt: at, Announced: 1, Limits: limits, Fingerprint: fingerprint,
		ExpectedTotalCents: p.ExpectedTotalCents, ExpectedCurrency: p.Currency,
	}
	for _, line := range p.Items {
		order.Items = append(order.Items, Line{ProductID: line.ProductID, Quantity: line.Quantity})
	}
	order.setStatus(event.StatusPending, "", Actor{"customer", by.ID}, Cause{Kind: "request", ID: by.TraceID}, at)
	return order
}

// VisibleTo reports whether caller may see the order: only its owner and staff may.
func (o *Order) VisibleTo(caller Caller) bool { return caller.Staff || caller.ID == o.CustomerID }

// Confirm confirms the order with the prices of the reservation. It reports whether the order changed: a duplicate changes
// nothing, nor does a reservation for a cancelled order (product consumes the cancellation and releases the stock). It returns
// errContradiction for a rejected order, and errMismatch for other lines, a wrong sum, or a price that the customer does not accept.
func (o *Order) Confirm(stock event.StockReserved, cause Cause, at time.Time) (bool, error) {
	switch o.Status {
	case event.StatusPending:
	case event.StatusRejected:
		return false, errContradiction
	default:
		return false, nil
	}
	items, err := withPrices(o.Items, stock)
	if err != nil {
		return false, err
	}
	if o.ExpectedTotalCents != nil && stock.TotalCents > *o.ExpectedTotalCents {
		return false, fmt.Errorf("%w: the total is higher than its customer accepts", errMismatch)
	}
	if o.ExpectedCurrency != "" && stock.Currency != o.ExpectedCurrency {
		return false, fmt.Errorf("%w: the currency is not that of its customer", errMismatch)
	}
	o.Items, o.Total = items, &Total{stock.Currency, stock.TotalCents}
	o.setStatus(event.StatusConfirmed, "", Actor{Role: "product"}, cause, at)
	return true, nil
}

// withPrices returns lines, in their order, with the prices of the reservation, or errMismatch.
func withPrices(lines []Line, stock event.StockReserved) ([]Line, error) {
	reserved := make(map[string]event.ReservedLine, len(stock.Items))
	for _, line := range stock.Items {
		reserved[line.ProductID] = line
	}
	if len(reserved) != len(lines) || len(stock.Items) != len(lines) || stock.Currency == "" {
		return nil, errMismatch
	}
	var total int64
	items := make([]Line, 0, len(lines))
	for _, line := range lines {
		found, ok := reserved[line.ProductID]
		if !ok || found.Quantity != line.Quantity {
			return nil, fmt.Errorf("%w: product %s", errMismatch, line.ProductID)
		}
		if found.UnitPriceCents < 0 || found.LineTotalCents != found.UnitPriceCents*int64(found.Quantity) {
			return nil, fmt.Errorf("%w: the price of product %s does not add up", errMismatch, line.ProductID)
		}
		total += found.LineTotalCents
		line.Price = &Price{found.Name, found.UnitPriceCents, found.LineTotalCents}
		items = append(items, line)
	}
	if total != stock.TotalCents {
		return nil, fmt.Errorf("%w: the total does not add up", errMismatch)
	}
	return items, nil
}

// Reject rejects the order for the reason that product gives. With ReasonReleased it cancels the order instead: product knows that it was
// cancelled, and this service's database was restored from an older copy. It reports whether the order changed: a duplicate changes
// nothing, nor does a failure for a cancelled order, nor ReasonReleased for an order that was confirmed, because that answer may be old (the
// reconciliation asks product). With another reason it returns errContradiction for an order that was confirmed, and errMismatch for wrong
// shortages.
func (o *Order) Reject(failed event.StockFailed, cause Cause, at time.Time) (bool, error) {
	released := failed.Reason == event.ReasonReleased
	switch {
	case o.Status == event.StatusPending && released:
		o.setStatus(event.StatusCancelled, event.ReasonReleased, Actor{Role: "product"}, cause, at)
		return true, nil
	case o.Status == event.StatusPending:
	case o.Status == event.StatusRejected, o.Status == event.StatusCancelled, released:
		return false, nil
	default:
		return false, errContradiction
	}
	if err := o.checkShortages(failed); err != nil {
		return false, err
	}
	o.Shortages = failed.Shortages
	o.setStatus(event.StatusRejected, failed.Reason, Actor{Role: "product"}, cause, at)
	return true, nil
}

// AnnounceAgain records that the order is announced again, if it is still PENDING and has been announced the given number of times. It
// reports whether it did. The status stays the same, so there is no new version.
func (o *Order) AnnounceAgain(announced int, at time.Time) bool {
	if o.Status != event.StatusPending || o.Announced != announced {
		return false
	}
	o.Recovered.Add(o.recovered(stepAnnouncedAgain, at))
	o.AnnouncedAt = at
	o.Announced++
	return true
}

// GiveUp cancels the order if it is still PENDING. It reports whether it did.
func (o *Order) GiveUp(at time.Time) bool {
	if o.Status != event.StatusPending {
		return false
	}
	o.setStatus(event.StatusCancelled, event.ReasonTimedOut, Actor{Role: "recovery"}, Cause{Kind: "timer"}, at)
	return true
}

// Cancel cancels the order. Its owner can cancel until the kitchen starts, staff until it is out for delivery. After that, and for a
// rejected order, Cancel returns Conflict. It reports whether the order changed: a second cancellation changes nothing.
func (o *Order) Cancel(reason string, by Caller, identity RequestIdentity, at time.Time) (bool, error) {
	switch {
	case o.Status == event.StatusCancelled:
		return false, nil
	case !slices.Contains(cancellableStatuses(by.Staff), o.Status):
		return false, fault.Conflict("an order that is %s can no longer be cancelled", o.Status)
	}
	o.setStatus(event.StatusCancelled, reason, o.actorOf(by), Cause{Kind: "request", ID: by.TraceID, Request: &identity}, at)
	return true, nil
}

// Advance moves the order to next, a kitchen or delivery status; another next is an invalid request. It returns Conflict unless the order
// is in the status before next. It reports whether the order changed: its current status changes nothing.
func (o *Order) Advance(next event.Status, by Caller, identity RequestIdentity, at time.Time) (bool, error) {
	before, ok := previousStatus(next)
	switch {
	case !ok:
		return false, fault.Wrong("status", "must be PREPARING, READY, OUT_FOR_DELIVERY or DELIVERED")
	case o.Status == next:
		return false, nil
	case o.Status != before:
		return false, fault.Conflict("%s follows %s, and the order is %s", next, before, o.Status)
	}
	o.setStatus(next, "", Actor{"staff", by.ID}, Cause{Kind: "request", ID: by.TraceID, Request: &identity}, at)
	return true, nil
}

// TimeToDecision returns how long the order was PENDING. It reports whether the order's last change took it out of PENDING; otherwise the
// time is 0.
func (o *Order) TimeToDecision() (pending time.Duration, decided bool) {
	last := len(o.History) - 1
	if last < 1 || o.History[last-1].Status != event.StatusPending {
		return 0, false
	}
	return o.UpdatedAt.Sub(o.CreatedAt), true
}

// setStatus is the only way to change the status. It adds the version and the history entry, and clears an erased person from an order
// that ends. Times in the history never decrease, even if the clocks of two replicas differ.
func (o *Order) setStatus(status event.Status, reason string, actor Actor, cause Cause, at time.Time) {
	if at.Before(o.UpdatedAt) {
		at = o.UpdatedAt
	}
	o.Version++
	o.Status, o.Reason, o.UpdatedAt = status, reason, at
	o.History = append(o.History, Change{o.Version, status, reason, actor, cause, at})
	if o.PersonErased && status.Final() {
		o.clearPerson()
	}
}

// actorOf returns the author of a cancellation. Staff who cancel an order of their own do so as its customer.
func (o *Order) actorOf(by Caller) Actor {
	if by.ID == o.CustomerID {
		return Actor{"customer", by.ID}
	}
	return Actor{"staff", by.ID}
}

package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"comanda/services/event"
	"comanda/services/internal/fault"
)

// Order is the aggregate, and the document it is kept as.
type Order struct {
	ID              string           `json:"id"`
	CustomerID      string           `json:"customerId"`
	Status          event.Status     `json:"status"`
	Items           []Line           `json:"items"`
	*Total                           // from CONFIRMED on
	DeliveryAddress *event.Address   `json:"deliveryAddress,omitempty"`
	Notes           string           `json:"notes,omitempty"`
	Reason          string           `json:"reason,omitempty"`
	Shortages       []event.Shortage `json:"shortages,omitempty"`
	Version         int              `json:"version"`
	CreatedAt       time.Time        `json:"createdAt"`
	UpdatedAt       time.Time        `json:"updatedAt"`

	Fingerprint string    `json:"fingerprint"`     // of the request that placed it
	Trace       string    `json:"trace,omitempty"` // the traceparent of that request: what the recovery does is of the same trace
	AnnouncedAt time.Time `json:"announcedAt"`     // when product was last asked
	Announced   int       `json:"announced"`       // how often
	History     []Change  `json:"history"`         // one entry a version, in order
}

// Line is one product of an order; it has a price from CONFIRMED on.
type Line struct {
	ProductID string `json:"productId"`
	Quantity  int    `json:"quantity"`
	*Price
}

// Price is what the menu said of a product when the stock was reserved.
type Price struct {
	Name           string `json:"name"`
	UnitPriceCents int64  `json:"unitPriceCents"`
	LineTotalCents int64  `json:"lineTotalCents"`
}

// Total is what the whole order costs.
type Total struct {
	Currency   string `json:"currency"` // ISO 4217
	TotalCents int64  `json:"totalCents"`
}

// Change is one step in the life of an order: what it became, why, by whom and through what.
type Change struct {
	Version int          `json:"version"`
	Status  event.Status `json:"status"`
	Reason  string       `json:"reason,omitempty"`
	Actor   Actor        `json:"actor"`
	Cause   Cause        `json:"cause"`
	At      time.Time    `json:"at"`
}

// Actor is who changed an order. Role is customer, staff, product or recovery; the last two have no id.
type Actor struct {
	Role string `json:"role"`
	ID   string `json:"id,omitempty"`
}

// Cause is through what an order changed: an event by its id, a request by its trace, or the timer of the recovery.
type Cause struct {
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
}

// Caller is who asks for something to be done with an order.
type Caller struct {
	ID    string
	Staff bool
	Trace string // the id of the request's trace
}

// reasonTimedOut is why an order is cancelled that product never answered.
const reasonTimedOut = "timed_out"

// errContradiction says that product answered the other way than it had before. It records its answer once, so this
// cannot be; were it ever, stock would be held for nobody, and somebody has to look.
var errContradiction = errors.New("product's answer contradicts the one it gave before")

// errMismatch says that what product reserved is not what was ordered.
var errMismatch = errors.New("product reserved something else than was ordered")

// Place makes a new order, PENDING until product has answered.
func Place(id string, p Placement, fingerprint string, by Caller, at time.Time) Order {
	order := Order{
		ID: id, CustomerID: by.ID, DeliveryAddress: p.DeliveryAddress, Notes: p.Notes,
		CreatedAt: at, AnnouncedAt: at, Announced: 1, Fingerprint: fingerprint,
	}
	for _, wanted := range p.Items {
		order.Items = append(order.Items, Line{ProductID: wanted.ProductID, Quantity: wanted.Quantity})
	}
	order.setStatus(event.StatusPending, "", Actor{"customer", by.ID}, Cause{"request", by.Trace}, at)
	return order
}

// VisibleTo says whether caller may know of the order: its owner and staff may.
func (o *Order) VisibleTo(caller Caller) bool { return caller.Staff || caller.ID == o.CustomerID }

// Confirm takes the reservation and its prices. It reports whether that changed anything: a duplicate does not, nor one
// that comes after the order was cancelled (product hears of that and gives the stock back).
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
	o.Items, o.Total = items, &Total{stock.Currency, stock.TotalCents}
	o.setStatus(event.StatusConfirmed, "", Actor{Role: "product"}, cause, at)
	return true, nil
}

// priced returns lines with the prices of the reservation, in their own order, or errMismatch.
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

// Reject takes product's no. It reports whether that changed anything: a duplicate does not, nor one that comes after the
// order was cancelled.
func (o *Order) Reject(failed event.StockFailed, cause Cause, at time.Time) (bool, error) {
	switch o.Status {
	case event.StatusPending:
	case event.StatusRejected, event.StatusCancelled:
		return false, nil
	default:
		return false, errContradiction
	}
	o.Shortages = failed.Shortages
	o.setStatus(event.StatusRejected, failed.Reason, Actor{Role: "product"}, cause, at)
	return true, nil
}

// Remind notes that product is asked once more, if the order still waits and was not asked for since before. The state
// stays what it is, so there is no new version.
func (o *Order) Remind(before, at time.Time) bool {
	if o.Status != event.StatusPending || o.AnnouncedAt.After(before) {
		return false
	}
	o.AnnouncedAt = at
	o.Announced++
	return true
}

// GiveUp cancels the order if it still waits and was placed no later than before.
func (o *Order) GiveUp(before, at time.Time) bool {
	if o.Status != event.StatusPending || o.CreatedAt.After(before) {
		return false
	}
	o.setStatus(event.StatusCancelled, reasonTimedOut, Actor{Role: "recovery"}, Cause{Kind: "timer"}, at)
	return true
}

// Cancel ends the order before it is too late: for its owner until the kitchen begins, for staff until it has left the
// house. It reports whether that changed anything: a second time it does not. Conflict when it is too late.
func (o *Order) Cancel(reason string, by Caller, at time.Time) (bool, error) {
	switch {
	case o.Status == event.StatusCancelled:
		return false, nil
	case !slices.Contains(cancellableStatuses(by.Staff), o.Status):
		return false, fault.Conflict("an order that is %s cannot be cancelled any more", o.Status)
	}
	o.setStatus(event.StatusCancelled, reason, o.actorOf(by), Cause{"request", by.Trace}, at)
	return true, nil
}

func cancellableStatuses(staff bool) []event.Status {
	if staff {
		return []event.Status{event.StatusPending, event.StatusConfirmed, event.StatusPreparing, event.StatusReady}
	}
	return []event.Status{event.StatusPending, event.StatusConfirmed}
}

// Advance takes the order one step further through the kitchen and to the door. It reports whether that changed anything:
// asked for the status it already has, it does not. Conflict when the step is not the next one.
func (o *Order) Advance(step event.Status, by Caller, at time.Time) (bool, error) {
	before, ok := previousStatus(step)
	switch {
	case !ok:
		return false, fault.Wrong("status", "has to be PREPARING, READY, OUT_FOR_DELIVERY or DELIVERED")
	case o.Status == step:
		return false, nil
	case o.Status != before:
		return false, fault.Conflict("%s follows %s, and the order is %s", step, before, o.Status)
	}
	o.setStatus(step, "", Actor{"staff", by.ID}, Cause{"request", by.Trace}, at)
	return true, nil
}

// Decided says whether the state the order is in is the answer to its having been PENDING, and how long that was.
func (o *Order) Decided() (time.Duration, bool) {
	last := len(o.History) - 1
	if last < 1 || o.History[last-1].Status != event.StatusPending {
		return 0, false
	}
	return o.UpdatedAt.Sub(o.CreatedAt), true
}

// statuses lists every state there is.
func statuses() []event.Status {
	return []event.Status{
		event.StatusPending, event.StatusConfirmed, event.StatusRejected, event.StatusPreparing, event.StatusReady,
		event.StatusOutForDelivery, event.StatusDelivered, event.StatusCancelled,
	}
}

// follows says which state a step of the kitchen's follows; false for a state that is no such step.
func previousStatus(step event.Status) (event.Status, bool) {
	switch step {
	case event.StatusPreparing:
		return event.StatusConfirmed, true
	case event.StatusReady:
		return event.StatusPreparing, true
	case event.StatusOutForDelivery:
		return event.StatusReady, true
	case event.StatusDelivered:
		return event.StatusOutForDelivery, true
	}
	return "", false
}

// become is the one way to another state: version and history go with it. Time never runs backwards in the history, even
// when the clocks of two replicas differ.
func (o *Order) setStatus(status event.Status, reason string, actor Actor, cause Cause, at time.Time) {
	if at.Before(o.UpdatedAt) {
		at = o.UpdatedAt
	}
	o.Version++
	o.Status, o.Reason, o.UpdatedAt = status, reason, at
	o.History = append(o.History, Change{o.Version, status, reason, actor, cause, at})
}

func (o *Order) actorOf(by Caller) Actor {
	if by.ID == o.CustomerID {
		return Actor{"customer", by.ID}
	}
	return Actor{"staff", by.ID}
}

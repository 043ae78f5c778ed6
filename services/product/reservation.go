package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"comanda/services/event"
	"comanda/services/internal/validate"
)

// State is the state of an order's reservation. The package comment draws the transitions.
type State string

// The states of a reservation. All but RESERVED are final.
const (
	Reserved  State = "RESERVED"
	Failed    State = "FAILED"
	Released  State = "RELEASED"
	Sold      State = "SOLD"
	Tombstone State = "TOMBSTONE"
)

// maxLines is the largest number of lines accepted in an order. The service order allows fewer.
const maxLines = 100

// outcomeVersion is the version of the reservation in its event. Only the decision, the first version, is announced. Later
// changes follow from the events of the service order and are not announced.
const outcomeVersion = 1

// Line is one product of an order and its quantity.
type Line struct {
	ProductID string
	Quantity  int
}

// Request is an order's request for stock.
type Request struct {
	OrderID  string
	Lines    []Line
	Expected *Expected // nil accepts any total
}

// Expected is the highest total that the customer accepts. An empty Currency accepts any.
type Expected struct {
	TotalCents int64
	Currency   string
}

// Accepts reports whether a total is within what the customer expects.
func (e *Expected) Accepts(totalCents int64, currency string) bool {
	return e == nil || totalCents <= e.TotalCents && (e.Currency == "" || e.Currency == currency)
}

// Dish is a product's menu entry and available stock at the time of the decision.
type Dish struct {
	Name       string
	PriceCents int64
	Currency   string
	Active     bool
	Available  int
}

// Outcome is the result of a decision. Exactly one field is set.
type Outcome struct {
	Reserved *event.StockReserved `json:"reserved,omitempty"`
	Failed   *event.StockFailed   `json:"failed,omitempty"`
}

// State returns the reservation's state after this outcome.
func (o Outcome) State() State {
	if o.Reserved != nil {
		return Reserved
	}
	return Failed
}

// Message returns the event that announces the outcome.
func (o Outcome) Message(orderID string) event.Message {
	if o.Reserved != nil {
		return event.InventoryStockReserved.Message(orderID, *o.Reserved)
	}
	return event.InventoryStockFailed.Message(orderID, *o.Failed)
}

// Reservation records what was decided about the stock for one order, and its state now. Outcome is empty for a tombstone.
type Reservation struct {
	OrderID   string
	State     State
	Outcome   Outcome
	DecidedAt time.Time
}

// Message returns the event that answers the order: the outcome, or for RELEASED and TOMBSTONE a failure, because the order was
// cancelled. The service order needs an answer even then: if its database was restored from an older copy, the order can be PENDING again.
func (r Reservation) Message() event.Message {
	if r.State == Released || r.State == Tombstone {
		return event.InventoryStockFailed.Message(r.OrderID, event.StockFailed{
			OrderID: r.OrderID, Version: outcomeVersion, Reason: event.ReasonReleased, Shortages: []event.Shortage{},
		})
	}
	return r.Outcome.Message(r.OrderID)
}

// ParseOrder returns the request in an order's event. An error means that the event is invalid and a retry cannot help: it has
// an invalid id, no lines or too many, a quantity below 1, or the same product twice.
func ParseOrder(placed event.OrderPlaced) (Request, error) {
	id, err := canonicalID(placed.OrderID)
	if err != nil {
		return Request{}, fmt.Errorf("orderId: %w", err)
	}
	request := Request{OrderID: id}
	if placed.ExpectedTotalCents != nil {
		request.Expected = &Expected{*placed.ExpectedTotalCents, placed.Currency}
	}
	request.Lines, err = parseLines(placed)
	return request, err
}

func parseLines(placed event.OrderPlaced) (lines []Line, err error) {
	if len(placed.Items) == 0 || len(placed.Items) > maxLines {
		return nil, fmt.Errorf("the order has %d lines, want 1 to %d", len(placed.Items), maxLines)
	}
	seen := map[string]bool{}
	for i, item := range placed.Items {
		id, err := canonicalID(item.ProductID)
		switch {
		case err != nil:
			return nil, fmt.Errorf("items[%d].productId: %w", i, err)
		case item.Quantity < 1:
			return nil, fmt.Errorf("items[%d].quantity is %d", i, item.Quantity)
		case seen[id]:
			return nil, fmt.Errorf("items[%d]: product %s appears twice", i, id)
		}
		seen[id] = true
		lines = append(lines, Line{id, item.Quantity})
	}
	return lines, nil
}

// canonicalID returns a UUID in lower case, so that each aggregate has a single id.
func canonicalID(text string) (string, error) {
	if !validate.IsUUID(text) {
		return "", errors.New("must be a UUID")
	}
	return strings.ToLower(text), nil
}

// Decide reserves every line or none. A product that is not on the menu, or no longer active, has no available stock. Lines
// in different currencies have no common total, so such an order fails. So does an order whose total is higher than the customer
// expects, or in another currency: the menu's prices may have changed since the customer read them. A lower total is reserved.
func Decide(request Request, menu map[string]Dish) Outcome {
	shortages := []event.Shortage{}
	reserved := event.StockReserved{OrderID: request.OrderID, Version: outcomeVersion}
	mixed := false
	for _, line := range request.Lines {
		dish := menu[line.ProductID]
		if !dish.Active {
			dish.Available = 0
		}
		if line.Quantity > dish.Available {
			shortages = append(shortages, event.Shortage{ProductID: line.ProductID, Requested: line.Quantity, Available: dish.Available})
			continue
		}
		if len(reserved.Items) == 0 {
			reserved.Currency = dish.Currency
		}
		mixed = mixed || dish.Currency != reserved.Currency
		total := dish.PriceCents * int64(line.Quantity) // cannot overflow: see maxPrice
		reserved.TotalCents += total
		reserved.Items = append(reserved.Items, event.ReservedLine{
			ProductID: line.ProductID, Quantity: line.Quantity, Name: dish.Name, UnitPriceCents: dish.PriceCents, LineTotalCents: total,
		})
	}
	failed := event.StockFailed{OrderID: request.OrderID, Version: outcomeVersion, Shortages: shortages}
	switch {
	case len(shortages) > 0:
		failed.Reason = event.ReasonInsufficientStock
	case mixed:
		failed.Reason = event.ReasonMixedCurrencies
	case !request.Expected.Accepts(reserved.TotalCents, reserved.Currency):
		failed.Reason = event.ReasonPriceChanged
		failed.Currency, failed.TotalCents = reserved.Currency, reserved.TotalCents
	default:
		return Outcome{Reserved: &reserved}
	}
	return Outcome{Failed: &failed}
}

// errContradiction means that an order's event contradicts its reservation. That is a bug, or one of the two databases was restored from an
// older copy than the other. An operator has to check.
var errContradiction = errors.New("the event contradicts the reservation")

// AfterCancellation returns the reservation's state after the order is cancelled. It returns errContradiction for SOLD: a delivered order
// cannot be cancelled.
func (s State) AfterCancellation() (State, error) {
	switch s {
	case Reserved:
		return Released, nil
	case Sold:
		return s, fmt.Errorf("%w: the order is cancelled, its reservation is %s", errContradiction, s)
	}
	return s, nil
}

// AfterDelivery returns the reservation's state after the order is delivered. It returns errContradiction unless the stock is
// reserved, or already sold.
func (s State) AfterDelivery() (State, error) {
	switch s {
	case Reserved, Sold:
		return Sold, nil
	}
	return s, fmt.Errorf("%w: the order is delivered, its reservation is %s", errContradiction, s)
}

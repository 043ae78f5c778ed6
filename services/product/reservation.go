package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"comanda/services/event"
	"comanda/services/internal/validate"
)

// State is where the reservation of an order stands.
//
//	(none) --order--> RESERVED --cancel--> RELEASED
//	   |                  '----deliver---> SOLD
//	   |----order--> FAILED
//	   '----cancel-> TOMBSTONE (the cancellation overtook the order, which is refused when it comes)
type State string

// The states of a reservation. All but RESERVED are final.
const (
	Reserved  State = "RESERVED"
	Failed    State = "FAILED"
	Released  State = "RELEASED"
	Sold      State = "SOLD"
	Tombstone State = "TOMBSTONE"
)

// maxLines is the most lines an order may have here. Order itself allows fewer.
const maxLines = 100

// outcomeVersion is the version of the reservation that is announced: its first, the decision. What becomes of it later
// is order's own doing and is not announced.
const outcomeVersion = 1

// Line is one product of an order and how many of it.
type Line struct {
	ProductID string
	Quantity  int
}

// Dish is what menu and stock say of a product at the moment of the decision.
type Dish struct {
	Name       string
	PriceCents int64
	Currency   string
	Active     bool
	Available  int
}

// Outcome is how a reservation was decided: one of the two is there.
type Outcome struct {
	Reserved *event.StockReserved `json:"reserved,omitempty"`
	Failed   *event.StockFailed   `json:"failed,omitempty"`
}

// State is the reservation's state after this outcome.
func (o Outcome) State() State {
	if o.Reserved != nil {
		return Reserved
	}
	return Failed
}

// Message announces the outcome.
func (o Outcome) Message(orderID string) event.Message {
	if o.Reserved != nil {
		return event.InventoryStockReserved.About(orderID, *o.Reserved)
	}
	return event.InventoryStockFailed.About(orderID, *o.Failed)
}

// Reservation is what is known of an order's stock. Outcome is empty for a tombstone.
type Reservation struct {
	OrderID   string
	State     State
	Outcome   Outcome
	DecidedAt time.Time
}

// Announced says whether the outcome still is an answer to the order: not once the stock was given back or sold, and not
// for an order that was cancelled before it came.
func (r Reservation) NeedsAnnouncement() bool { return r.State == Reserved || r.State == Failed }

// Asked reads what an order wants. An error means that it can never be served: no ids, no lines, the same product twice.
func ParseOrder(placed event.OrderPlaced) (orderID string, lines []Line, err error) {
	if orderID, err = canonicalID(placed.OrderID); err != nil {
		return "", nil, fmt.Errorf("orderId: %w", err)
	}
	if len(placed.Items) == 0 || len(placed.Items) > maxLines {
		return "", nil, fmt.Errorf("an order has 1 to %d lines, this one %d", maxLines, len(placed.Items))
	}
	seen := map[string]bool{}
	for i, item := range placed.Items {
		id, err := canonicalID(item.ProductID)
		switch {
		case err != nil:
			return "", nil, fmt.Errorf("items[%d].productId: %w", i, err)
		case item.Quantity < 1:
			return "", nil, fmt.Errorf("items[%d].quantity is %d", i, item.Quantity)
		case seen[id]:
			return "", nil, fmt.Errorf("items[%d]: product %s is there twice", i, id)
		}
		seen[id] = true
		lines = append(lines, Line{id, item.Quantity})
	}
	return orderID, lines, nil
}

// canonicalID returns a UUID in lower case, so that one aggregate has one id.
func canonicalID(text string) (string, error) {
	if !validate.IsUUID(text) {
		return "", fmt.Errorf("%.50q is not a UUID", text)
	}
	return strings.ToLower(text), nil
}

// Decide reserves every line or none. A product that is not on the menu, or no longer, is a line with nothing available.
// Lines in different currencies have no total, so that the order fails for that reason.
func Decide(orderID string, lines []Line, menu map[string]Dish) Outcome {
	shortages := []event.Shortage{}
	reserved := event.StockReserved{OrderID: orderID, Version: outcomeVersion}
	mixed := false
	for _, line := range lines {
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
	switch {
	case len(shortages) > 0:
		return failed(orderID, event.ReasonInsufficientStock, shortages)
	case mixed:
		return failed(orderID, event.ReasonMixedCurrencies, shortages)
	}
	return Outcome{Reserved: &reserved}
}

func failed(orderID, reason string, shortages []event.Shortage) Outcome {
	return Outcome{Failed: &event.StockFailed{OrderID: orderID, Version: outcomeVersion, Reason: reason, Shortages: shortages}}
}

// errImpossible marks what cannot have happened to an order if all is well, so that somebody has to look.
var errImpossible = errors.New("this cannot be")

// Cancel says what a cancelled order makes of its reservation. What was sold was delivered, and cannot be cancelled: errImpossible.
func (s State) Cancel() (State, error) {
	switch s {
	case Reserved:
		return Released, nil
	case Sold:
		return s, fmt.Errorf("%w: the order is cancelled, its reservation %s", errImpossible, s)
	}
	return s, nil
}

// Deliver says what a delivered order makes of its reservation. Only what was reserved can have been delivered: otherwise
// errImpossible.
func (s State) Deliver() (State, error) {
	switch s {
	case Reserved, Sold:
		return Sold, nil
	}
	return s, fmt.Errorf("%w: the order is delivered, its reservation %s", errImpossible, s)
}

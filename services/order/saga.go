package main

import (
	"errors"
	"fmt"
	"time"

	"comanda/services/event"
)

// errContradiction says that product answered the other way than it had before. It records its answer once, so this
// cannot be; were it ever, stock would be held for nobody, and somebody has to look.
var errContradiction = errors.New("product's answer contradicts the one it gave before")

// errMismatch says that what product reserved is not what was ordered.
var errMismatch = errors.New("product reserved something else than was ordered")

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
	items, err := priced(o.Items, stock)
	if err != nil {
		return false, err
	}
	o.Items, o.Total = items, &Total{stock.Currency, stock.TotalCents}
	o.become(event.StatusConfirmed, "", Actor{Role: "product"}, cause, at)
	return true, nil
}

// priced returns lines with the prices of the reservation, in their own order, or errMismatch.
func priced(lines []Line, stock event.StockReserved) ([]Line, error) {
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
	o.become(event.StatusRejected, failed.Reason, Actor{Role: "product"}, cause, at)
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
	o.become(event.StatusCancelled, reasonTimedOut, Actor{Role: "recovery"}, Cause{Kind: "timer"}, at)
	return true
}

// placed is the event that asks product to reserve.
func (o *Order) placed() event.OrderPlaced {
	lines := make([]event.OrderLine, 0, len(o.Items))
	for _, line := range o.Items {
		lines = append(lines, event.OrderLine{ProductID: line.ProductID, Quantity: line.Quantity})
	}
	return event.OrderPlaced{OrderID: o.ID, Version: o.Version, CustomerID: o.CustomerID, Items: lines}
}

// changed is the event that tells of the state the order is in.
func (o *Order) changed() event.OrderStatus {
	return event.OrderStatus{
		OrderID: o.ID, Version: o.Version, CustomerID: o.CustomerID, Status: o.Status, Reason: o.Reason, At: o.UpdatedAt,
	}
}

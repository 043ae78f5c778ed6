package main

import "comanda/services/event"

// placedEvent returns the event that asks product to reserve stock for the order.
func (o *Order) placedEvent() event.OrderPlaced {
	lines := make([]event.OrderLine, 0, len(o.Items))
	for _, line := range o.Items {
		lines = append(lines, event.OrderLine{ProductID: line.ProductID, Quantity: line.Quantity})
	}
	return event.OrderPlaced{
		OrderID: o.ID, Version: o.Version, CustomerID: o.CustomerID, Items: lines,
		ExpectedTotalCents: o.ExpectedTotalCents, Currency: o.ExpectedCurrency,
	}
}

// statusEvent returns the event that announces the order's current status.
func (o *Order) statusEvent() event.OrderStatus {
	return event.OrderStatus{
		OrderID: o.ID, Version: o.Version, CustomerID: o.CustomerID, Status: o.Status, Reason: o.reasonCode(), At: o.UpdatedAt,
	}
}

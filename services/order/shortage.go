package main

import (
	"fmt"
	"slices"

	"comanda/services/event"
)

// checkShortages returns errMismatch unless each shortage is a line of the order that falls short. Insufficient stock needs at least one.
func (o *Order) checkShortages(failed event.StockFailed) error {
	for _, shortage := range failed.Shortages {
		known := slices.ContainsFunc(o.Items, func(line Line) bool {
			return line.ProductID == shortage.ProductID && line.Quantity == shortage.Requested
		})
		if !known || shortage.Available >= shortage.Requested || shortage.Available < 0 {
			return fmt.Errorf("%w: the order does not fall short of product %s", errMismatch, shortage.ProductID)
		}
	}
	if failed.Reason == event.ReasonInsufficientStock && len(failed.Shortages) == 0 {
		return fmt.Errorf("%w: no product falls short", errMismatch)
	}
	return nil
}
